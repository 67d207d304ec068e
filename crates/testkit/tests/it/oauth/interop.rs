//! Admin as libraries that others wrote see it: `oauth4webapi` and `openid-client`, run by Node.

use admin_testkit::node;

use super::*;

story!(libraries_of_others_get_on_with_admin, async |sandbox: &Sandbox| {
    node::run(sandbox, "interop.mjs", &[]);
});

story!(libraries_of_others_run_on_devices_and_bind_their_tokens, async |sandbox: &Sandbox| {
    node::run(sandbox, "interop-device.mjs", &[("ADMIN_SET_UP_LINK", &set_up_link(sandbox))]);
});

story!(libraries_of_others_sign_people_in, async |sandbox: &Sandbox| {
    node::run(sandbox, "interop-code.mjs", &[("ADMIN_SET_UP_LINK", &set_up_link(sandbox))]);
});
