//! The built-in roles and their policies. They are resources that an owner may change like all others.

/// Roles that come with every org, with what they are for.
pub(crate) const ROLES: &[(&str, &str)] = &[
    ("owner", "May do all. An org has at least one."),
    ("admin", "May do all but write policies, and gives no role that it does not have."),
    ("editor", "May read and write resources of the org's own types."),
    ("viewer", "May read resources."),
    ("auditor", "May read all, also policies and who has which role."),
];

/// The same roles, those that may do the least first. The policy of each has its name.
pub(crate) const ROLES_BY_RIGHTS: [&str; 5] = ["viewer", "auditor", "editor", "admin", "owner"];

/// Policies that come with every org: name, description, text.
pub(crate) const POLICIES: &[(&str, &str, &str)] = &[
    ("owner", "Owners may do all.", r#"permit (principal in role::"owner", action, resource);"#),
    (
        "admin",
        "Admins may do all but write policies.",
        r#"permit (principal in role::"admin", action, resource) unless { resource is policy };
permit (principal in role::"admin", action == Action::"policy.read", resource);"#,
    ),
    (
        "editor",
        "Editors may do all to resources of the org's own types, and read what a viewer reads.",
        r#"permit (principal in role::"editor", action, resource) unless {
  resource is type || resource is user || resource is client || resource is group ||
  resource is role || resource is role_binding || resource is policy || resource is webhook
};
permit (principal in role::"editor", action in Action::"resource.read", resource) unless {
  resource is client || resource is role_binding || resource is policy || resource is webhook
};"#,
    ),
    (
        "viewer",
        "Viewers may read resources, types, users, groups and roles.",
        r#"permit (principal in role::"viewer", action in Action::"resource.read", resource) unless {
  resource is client || resource is role_binding || resource is policy || resource is webhook
};"#,
    ),
    (
        "auditor",
        "Auditors may read all.",
        r#"permit (principal in role::"auditor", action in Action::"resource.read", resource);"#,
    ),
    (
        "self",
        "Everybody may read the user or client that they are.",
        r#"permit (principal, action in [Action::"user.read", Action::"client.read"], resource) when { resource == principal };"#,
    ),
];
