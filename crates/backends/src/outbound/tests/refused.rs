//! The table of addresses that lead where no tenant's request may go, in every disguise that is known.

use super::super::{Kind, PrivateHosts, check};
use super::{Limits, SOON, outbound, post};

/// Refused for their text alone.
const REFUSED: &[&str] = &[
    // Not by TLS, or by no HTTP at all.
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/_x",
    "unix:/run/docker.sock",
    "data:text/plain,x",
    "//example.com/",
    "/hook",
    "",
    // This machine.
    "https://127.0.0.1/",
    "https://127.255.255.254:8443/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://localhost/",
    "https://LOCALHOST:443/",
    "https://localhost./",
    "https://a.localhost/",
    "https://localhost.localdomain/",
    "https://[::1]/",
    "https://[::]/",
    // The same in disguise.
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://127.000.000.001/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://ⓛocalhost/",
    "https://loc\u{ad}alhost/",
    "https://127.0.0.1%2f.example.com/",
    "https://127.0.0.1%00.example.com/",
    // Public addresses in disguise are none the better for it.
    "https://16843009/",
    "https://0x1010101/",
    "https://1.1.257/",
    // Private networks.
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fec0::1]/",
    "https://db/",
    "https://vault.service.internal/",
    "https://printer.local/",
    "https://router.home.arpa/",
    // The link, and the metadata of clouds.
    "https://169.254.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    // Nobody's.
    "https://192.0.2.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://198.18.0.1/",
    "https://192.88.99.1/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    // Addresses of version 4 in those of version 6: mapped, compatible, translated, 6to4, Teredo, ISATAP.
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:10.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[::a00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2a00::5efe:7f00:1]/",
    "https://[2a00::200:5efe:a00:1]/",
    // What parsers read differently from each other.
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1@example.com/",
    "https://@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https:\\\\127.0.0.1/",
    "https:127.0.0.1/",
    "https:/127.0.0.1/",
    "https:///127.0.0.1/",
    "https://exa mple.com/",
    "https://example.com/\r\nHost: x",
    "https://example.com\t.evil.example/",
    " https://127.0.0.1/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example..com/",
    "https://./",
    "https://[::1/",
    "https://ex*mple.com/",
];

#[test]
fn what_leads_nowhere_good_is_refused_when_it_is_saved_and_when_it_is_sent() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (outbound, none) = (outbound("", Limits::default(), &[]), PrivateHosts::default());
    for url in REFUSED {
        let refused = check(url, &none).expect_err(url);
        assert_eq!(refused.kind, Kind::Blocked, "{url}: {refused}");
        assert!(!refused.detail.is_empty());
        let refused = runtime.block_on(outbound.send(post(url), SOON)).expect_err(url);
        assert_eq!((refused.kind, refused.address), (Kind::Blocked, None), "{url}: {refused}");
    }
    let long = format!("https://example.com/{}", "x".repeat(super::super::MAX_URL));
    assert_eq!(check(&long, &none).unwrap_err().kind, Kind::Blocked);
}

#[test]
fn what_is_on_the_internet_is_not() {
    let hosts = PrivateHosts::default();
    for url in [
        "https://example.com",
        "https://example.com:8443/hook?a=b#c",
        "https://EXAMPLE.com./hook",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/",
        "https://1.1.1.1/",
        "https://1.1.1.1:8443/",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
        "https://[2606:4700::1111]/",
        "https://[2606:4700:0:0::1111]:8443/",
        "https://[::ffff:1.1.1.1]/",
        "https://[64:ff9b::1.1.1.1]/",
        "https://localhost.example.com/",
        "https://127.0.0.1.nip.example/",
        "https://example.com/@user",
        "https://example.com/?url=https://user@127.0.0.1/",
    ] {
        check(url, &hosts).unwrap_or_else(|refused| panic!("{url}: {refused}"));
    }
}

#[test]
fn the_operator_allows_hosts_by_name_address_and_network() {
    let hosts = PrivateHosts::read("app.internal, 127.0.0.1, 10.1.0.0/16, [fd00::1]:8443, hooks.lan:80").unwrap();
    for url in [
        "http://app.internal/",
        "https://APP.internal.:9/",
        "http://127.0.0.1:3000/",
        "https://10.1.200.3/",
        "http://10.1.200.3/",
        "https://[fd00::1]:8443/",
        "http://hooks.lan/",
        // What leads to an allowed address is known when the name is looked up.
        "https://other.internal/",
    ] {
        check(url, &hosts).unwrap_or_else(|refused| panic!("{url}: {refused}"));
    }
    for url in [
        "http://x.app.internal/",
        "http://other.internal/",
        "https://127.0.0.2/",
        "https://10.2.0.1/",
        "https://[fd00::1]/",
        "http://hooks.lan:8080/",
        "http://2130706433/",
        "ftp://app.internal/",
        "http://user@app.internal/",
    ] {
        assert_eq!(check(url, &hosts).expect_err(url).kind, Kind::Blocked);
    }
}
