//! The settings of the audit log: who cosigns it, and where its mirror is.

use admin_audit::WitnessAddress;
use admin_backends::blob::Address;
use admin_backends::outbound::PrivateHosts;
use anyhow::Result;

use super::{Store, Values, in_range, store, wrong};

/// The most witnesses: each is a line in every receipt.
const MAX_WITNESSES: usize = 8;
/// The longest time that a mirror is locked for, in days.
const MAX_DAYS: u64 = 36_500;

/// Who cosigns the logs, and where they are mirrored.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    /// Who is asked to cosign.
    pub(crate) witnesses: Vec<WitnessAddress>,
    /// Where these are: also in private networks, since nobody but the operator names them.
    pub(crate) witness_hosts: PrivateHosts,
    /// Where the mirror is, if there is one.
    pub(crate) mirror: Option<Store>,
    /// How long checkpoints are locked there.
    pub(crate) mirror_days: u64,
}

impl Audit {
    /// `blob`: where the logs are.
    pub(super) fn read(values: &Values, blob: &Address) -> Result<Audit> {
        let (witnesses, witness_hosts) = witnesses(values)?;
        let mirror = store(values, ["audit_mirror", "audit_mirror_access_key", "audit_mirror_secret_key"])?;
        let mirror_days = in_range(values, "audit_mirror_days", "0", 0..=MAX_DAYS)?;
        if let (Some(Store { address: Address::Folder(_), .. }), 1..) = (&mirror, mirror_days) {
            return Err(wrong(
                values,
                "audit_mirror_days",
                "needs `audit_mirror` to be an address s3://…: nothing in a folder can be locked",
            ));
        }
        if mirror.as_ref().is_some_and(|mirror| mirror.address.overlaps(blob)) {
            return Err(wrong(
                values,
                "audit_mirror",
                "must be another place than `blob`: what happens to the log would happen to its copy",
            ));
        }
        Ok(Audit { witnesses, witness_hosts, mirror, mirror_days })
    }
}

fn witnesses(values: &Values) -> Result<(Vec<WitnessAddress>, PrivateHosts)> {
    let text = values.get("audit_witnesses").map_or("", |(value, _)| value.as_str());
    let wanted = |why: &str| {
        let form = "must be addresses and keys such as `https://witness.example.org witness.example.org+1a2b3c4d+BA…`, with commas between";
        wrong(values, "audit_witnesses", &format!("{form}: {why}"))
    };
    let (mut witnesses, mut hosts): (Vec<WitnessAddress>, Vec<String>) = (vec![], vec![]);
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let witness: WitnessAddress = entry.parse().map_err(|why: String| wanted(&why))?;
        let url = reqwest::Url::parse(&witness.url).map_err(|error| wanted(&error.to_string()))?;
        let plain = ["http", "https"].contains(&url.scheme()) && url.query().is_none() && url.fragment().is_none();
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) if plain => hosts.push(format!("{host}:{port}")),
            _ => return Err(wanted("an address is http:// or https://, a host and a path")),
        }
        if witnesses.iter().any(|other| other.key.public_key() == witness.key.public_key()) {
            return Err(wanted(&format!("{} is there twice", witness.key.name())));
        }
        witnesses.push(witness);
    }
    if witnesses.len() > MAX_WITNESSES {
        return Err(wanted(&format!("there are at most {MAX_WITNESSES}")));
    }
    let hosts = PrivateHosts::read(&hosts.join(",")).map_err(|why| wanted(&why))?;
    Ok((witnesses, hosts))
}
