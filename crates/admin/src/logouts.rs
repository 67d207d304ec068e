//! Carries logout tokens to clients. Their addresses are for those who manage clients to choose, so none leads into the
//! network that Admin stands in: every address of a host is looked at, and the connection goes to one of these.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use admin_identity::{Identity, LogoutNotice};
use anyhow::{Context, Result, bail, ensure};
use futures_util::future::join_all;
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;

/// How often notices are looked for, and how long a client may take to answer.
const EVERY: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(5);

/// Hosts that notices may go to although their addresses are private, and without TLS.
#[derive(Clone, Default, Debug)]
pub(crate) struct PrivateHosts(Vec<String>);

impl PrivateHosts {
    /// Reads names and addresses with commas between.
    pub(crate) fn read(text: &str) -> PrivateHosts {
        PrivateHosts(
            text.split(',').map(|host| host.trim().to_ascii_lowercase()).filter(|host| !host.is_empty()).collect(),
        )
    }

    fn has(&self, host: &str) -> bool {
        self.0.iter().any(|known| known == host)
    }
}

/// Carries notices until it is dropped.
pub(crate) async fn carry(identity: &Identity, hosts: &PrivateHosts) {
    loop {
        match identity.due_logouts().await {
            Ok(due) => drop(join_all(due.iter().map(|notice| tell(identity, hosts, notice))).await),
            Err(error) => tracing::warn!(%error, "cannot look for clients that must hear of a sign-out; trying again"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn tell(identity: &Identity, hosts: &PrivateHosts, notice: &LogoutNotice) {
    let told = tokio::time::timeout(WITHIN, send(hosts, notice)).await;
    let told = told.unwrap_or_else(|_| bail_late());
    match told {
        Ok(()) => {
            if let Err(error) = identity.logout_heard(notice).await {
                tracing::warn!(%error, "a sign-out was heard, but that could not be written down");
            }
        }
        Err(error) => {
            tracing::info!(url = %notice.url, error = format!("{error:#}"), "a client did not hear of a sign-out")
        }
    }
}

fn bail_late() -> Result<()> {
    bail!("no answer within {} seconds", WITHIN.as_secs())
}

async fn send(hosts: &PrivateHosts, notice: &LogoutNotice) -> Result<()> {
    let url = reqwest::Url::parse(&notice.url)?;
    let host = url.host_str().context("the address has no host")?.to_ascii_lowercase();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let trusted = hosts.has(&host);
    ensure!(url.scheme() == "https" || trusted, "only https, but for `private_hosts`");
    let port = url.port_or_known_default().context("the address has no port")?;
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), port)).await?.collect();
    ensure!(!found.is_empty(), "the host has no address");
    if let Some(private) = found.iter().find(|address| !trusted && is_private(address.ip())) {
        bail!("{} is a private address; add the host to `private_hosts` if that is meant", private.ip());
    }
    // To what was looked at, whatever the name means by then; nowhere else, also not where an answer would send it.
    let client = reqwest::Client::builder().resolve_to_addrs(&host, &found).redirect(Policy::none()).no_proxy();
    let body: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", notice.token.expose_secret())
        .finish();
    let request = client.build()?.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    let status = request.send().await?.status();
    ensure!(status.is_success(), "it answered {status}");
    Ok(())
}

/// Whether an address is of no host on the internet: of this machine, of a network of one's own, or of no host at all.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = (a, b, c) == (192, 0, 0) || (a, b) == (198, 18) || (a, b) == (198, 19) || a == 0 || a >= 224;
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || special
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| is_private_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        // Addresses of version 4 in those of version 6: mapped, translated (RFC 6052), 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        // Of the rest, the one block that is given to hosts on the internet, without what is for documentation.
        [0x2001, 0xdb8, ..] => true,
        [first, ..] => first & 0xe000 != 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_form() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::7f00:1",
        ] {
            assert!(is_private(private.parse().expect(private)), "{private}");
        }
        for public in
            ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(!is_private(public.parse().expect(public)), "{public}");
        }
        let hosts = PrivateHosts::read(" App.internal, 127.0.0.1,");
        assert!(hosts.has("app.internal") && hosts.has("127.0.0.1") && !hosts.has("") && !hosts.has("internal"));
    }
}
