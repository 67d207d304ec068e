//! Configuration: one typed structure from flags, `ADMIN_*` environment and `admin.toml`, in that order. Errors name
//! the key, where it was set, and the remedy.

mod audit;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use admin_backends::blob::{Address, Credentials};
use admin_backends::outbound::PrivateHosts;
use admin_backends::queue::rabbitmq::{self, ContentMode};
use admin_core::Sample;
use admin_db::{Target, mask_password};
use admin_identity::{OrgCreation, Registration, Smtp};
use admin_webhooks::Schedule;
use anyhow::{Context, Result, bail};
use secrecy::SecretString;

pub(crate) use audit::Audit;

use crate::command_line::Settings;
use crate::proxies::Proxies;

/// One key: its name in the file, its default as shown, what it says.
struct Key {
    name: &'static str,
    default: &'static str,
    secret: bool,
}

const fn key(name: &'static str, default: &'static str) -> Key {
    Key { name, default, secret: false }
}

const KEYS: &[Key] = &[
    key("data_dir", "./admin-data"),
    key("listen", "127.0.0.1:8080"),
    key("public_url", ""),
    key("database", "sqlite:DATA_DIR/admin.db"),
    key("master_key_file", "DATA_DIR/master.key"),
    Key { name: "master_key", default: "", secret: true },
    key("bootstrap_token_file", ""),
    key("log_format", "pretty"),
    key("log_level", "info"),
    key("postgres_lanes", "4"),
    key("shutdown_seconds", "30"),
    key("decision_sample", "0"),
    key("org_creation", "owners"),
    Key { name: "smtp_url", default: "", secret: true },
    key("mail_from", ""),
    key("private_hosts", ""),
    key("trusted_proxies", ""),
    Key { name: "queue", default: "", secret: true },
    key("queue_ca_file", ""),
    key("queue_content_mode", "binary"),
    key("webhook_schedule", "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h"),
    key("dynamic_registration", "off"),
    key("blob", "folder:DATA_DIR/blobs"),
    key("blob_access_key", ""),
    Key { name: "blob_secret_key", default: "", secret: true },
    key("audit_retention_days", "0"),
    key("audit_witnesses", ""),
    key("audit_mirror", ""),
    key("audit_mirror_access_key", ""),
    Key { name: "audit_mirror_secret_key", default: "", secret: true },
    key("audit_mirror_days", "0"),
];

/// Variables that begin with `ADMIN_` and are not settings: of the command line's client, of tests, and those that
/// Kubernetes sets for a service named `admin`.
const OTHER_VARIABLES: &[&str] = &[
    "ADMIN_CONFIG",
    "ADMIN_URL",
    "ADMIN_TOKEN",
    "ADMIN_PROFILE",
    "ADMIN_BINARY",
    "ADMIN_TEST_",
    "ADMIN_SERVICE_",
    "ADMIN_PORT",
];

/// How much may be logged.
const LOG_LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How logs are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    Pretty,
    Json,
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    /// What links begin with, without a slash at the end; the address that the server listens on, if absent.
    pub(crate) public_url: Option<String>,
    pub(crate) database: Target,
    pub(crate) master_key_file: PathBuf,
    /// 32 bytes in base64; wins over the file.
    pub(crate) master_key: Option<SecretString>,
    pub(crate) bootstrap_token_file: Option<PathBuf>,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
    pub(crate) postgres_lanes: usize,
    pub(crate) shutdown_seconds: u64,
    /// Which share of reads is recorded as a decision.
    pub(crate) decision_sample: Sample,
    /// Who may make orgs.
    pub(crate) org_creation: OrgCreation,
    /// How letters are sent; without it none are.
    pub(crate) smtp: Option<Smtp>,
    /// Hosts that Admin may call although their addresses are private.
    pub(crate) private_hosts: PrivateHosts,
    /// Proxies that are believed when they say whom a request is from.
    pub(crate) trusted_proxies: Proxies,
    /// The RabbitMQ that carries events; this process alone does, if absent.
    pub(crate) queue: Option<SecretString>,
    /// Certificates that are trusted there, in PEM.
    pub(crate) queue_ca_file: Option<PathBuf>,
    /// How events are written there.
    pub(crate) queue_content_mode: ContentMode,
    /// When a message of a webhook that did not arrive is sent again.
    pub(crate) webhook_schedule: Schedule,
    /// Whether clients may register themselves.
    pub(crate) dynamic_registration: Registration,
    /// For how many days events are kept; 0 for ever.
    pub(crate) audit_retention_days: i64,
    /// Where blobs are: the logs of the audit log.
    pub(crate) blob: Store,
    /// Who cosigns these logs, and where they are mirrored.
    pub(crate) audit: Audit,
    values: Values,
}

/// A store of blobs, and who we are to it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) address: Address,
    pub(crate) credentials: Option<Credentials>,
}

/// Values as they were given, each with where it was set.
type Values = BTreeMap<&'static str, (String, String)>;

impl Config {
    /// Reads the configuration from all its places.
    pub(crate) fn read(settings: &Settings) -> Result<Config> {
        let mut values = Values::new();
        read_file(settings, &mut values)?;
        read_environment(&mut values)?;
        read_flags(settings, &mut values);
        Config::build(values)
    }

    fn build(values: Values) -> Result<Config> {
        let get = |name: &str| values.get(name).map(|(value, _)| value.as_str()).filter(|value| !value.is_empty());
        let data_dir = PathBuf::from(get("data_dir").unwrap_or("./admin-data"));
        let in_data = |name: &str| data_dir.join(name);
        let path = |name: &str| get(name).map(PathBuf::from);
        let blob = match store(&values, ["blob", "blob_access_key", "blob_secret_key"])? {
            Some(store) => store,
            None => Store { address: Address::Folder(in_data("blobs")), credentials: None },
        };
        Ok(Config {
            listen: parse(&values, "listen", "127.0.0.1:8080", "an address and a port, such as 127.0.0.1:8080")?,
            public_url: get("public_url").map(|text| public_url(&values, text)).transpose()?,
            database: match get("database") {
                None => Target::Sqlite(in_data("admin.db")),
                Some(text) => text.parse().map_err(|why: String| wrong(&values, "database", &why))?,
            },
            master_key_file: path("master_key_file").unwrap_or_else(|| in_data("master.key")),
            master_key: get("master_key").map(SecretString::from),
            bootstrap_token_file: path("bootstrap_token_file"),
            log_format: match get("log_format").unwrap_or("pretty") {
                "pretty" => LogFormat::Pretty,
                "json" => LogFormat::Json,
                _ => return Err(wrong(&values, "log_format", "must be pretty or json")),
            },
            log_level: match get("log_level").unwrap_or("info") {
                text if is_log_filter(text) => text.to_owned(),
                _ => {
                    let wanted = format!("must be one of {}, or such as admin_core=debug,info", LOG_LEVELS.join(", "));
                    return Err(wrong(&values, "log_level", &wanted));
                }
            },
            postgres_lanes: in_range(&values, "postgres_lanes", "4", 1..=64)? as usize,
            shutdown_seconds: in_range(&values, "shutdown_seconds", "30", 1..=3600)?,
            decision_sample: parse(&values, "decision_sample", "0", "a number from 0 to 1")?,
            org_creation: parse(&values, "org_creation", "owners", "owners, anyone or nobody")?,
            smtp: smtp(&values)?,
            queue: queue(&values)?,
            queue_ca_file: path("queue_ca_file"),
            queue_content_mode: parse(&values, "queue_content_mode", "binary", "binary or structured")?,
            webhook_schedule: get("webhook_schedule").map_or_else(
                || Ok(Schedule::default()),
                |text| text.parse().map_err(|why| wrong(&values, "webhook_schedule", why)),
            )?,
            dynamic_registration: parse(&values, "dynamic_registration", "off", "off or token")?,
            private_hosts: PrivateHosts::read(get("private_hosts").unwrap_or_default()).map_err(|why| {
                wrong(&values, "private_hosts", &format!("must be names, addresses and networks: {why}"))
            })?,
            trusted_proxies: Proxies::read(get("trusted_proxies").unwrap_or_default())
                .map_err(|why| wrong(&values, "trusted_proxies", &format!("must be addresses and networks: {why}")))?,
            audit_retention_days: retention(&values)?,
            audit: Audit::read(&values, &blob.address)?,
            blob,
            data_dir,
            values,
        })
    }

    /// What differs from the defaults, a line each, secrets masked.
    pub(crate) fn differences(&self) -> Vec<String> {
        let shown = KEYS.iter().filter_map(|key| {
            let (value, source) = self.values.get(key.name)?;
            let value = if key.secret { "(secret)".to_owned() } else { mask_password(value) };
            (value != key.default)
                .then(|| format!("{} = {value:?}  # from {source}; default {:?}", key.name, key.default))
        });
        shown.collect()
    }
}

fn read_file(settings: &Settings, values: &mut Values) -> Result<()> {
    let named = settings.config.clone().or_else(|| std::env::var_os("ADMIN_CONFIG").map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| "admin.toml".into());
    if named.is_none() && !path.exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
    let table: toml::Table = toml::from_str(&text).with_context(|| format!("{} is not TOML", path.display()))?;
    for (name, value) in table {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            bail!("{}", unknown(&name, &path.display().to_string()))
        };
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            other => {
                bail!("the key `{name}` in {} must be a string or a number, not {}", path.display(), other.type_str())
            }
        };
        values.insert(key.name, (value, path.display().to_string()));
    }
    Ok(())
}

fn read_environment(values: &mut Values) -> Result<()> {
    for (variable, value) in std::env::vars() {
        let Some(name) = variable.strip_prefix("ADMIN_") else { continue };
        if OTHER_VARIABLES.iter().any(|other| variable.starts_with(other)) {
            continue;
        }
        let name = name.to_ascii_lowercase();
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            bail!("{}", unknown(&variable, "the environment"))
        };
        values.insert(key.name, (value, variable));
    }
    Ok(())
}

fn read_flags(settings: &Settings, values: &mut Values) {
    let flags = [
        ("data_dir", "--data-dir", &settings.data_dir),
        ("database", "--database", &settings.database),
        ("listen", "--listen", &settings.listen),
        ("public_url", "--public-url", &settings.public_url),
        ("log_format", "--log-format", &settings.log_format),
        ("log_level", "--log-level", &settings.log_level),
    ];
    for (name, flag, value) in flags {
        if let Some(value) = value {
            values.insert(name, (value.clone(), flag.to_owned()));
        }
    }
}

fn unknown(name: &str, place: &str) -> String {
    let known: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    format!("unknown key `{name}` in {place}; remove it, or use one of: {}", known.join(", "))
}

fn wrong(values: &Values, name: &str, why: &str) -> anyhow::Error {
    let (value, source) = values.get(name).cloned().unwrap_or_default();
    let secret = KEYS.iter().any(|key| key.name == name && key.secret);
    let shown = if secret { "(secret)".to_owned() } else { format!("{:?}", mask_password(&value)) };
    anyhow::anyhow!("`{name}` = {shown} (from {source}) {why}")
}

fn parse<T: std::str::FromStr>(values: &Values, name: &str, default: &str, wanted: &str) -> Result<T> {
    let text = values.get(name).map_or(default, |(value, _)| value.as_str());
    text.parse().map_err(|_| wrong(values, name, &format!("must be {wanted}")))
}

fn in_range(values: &Values, name: &str, default: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64> {
    let wanted = format!("a whole number from {} to {}", range.start(), range.end());
    let number = parse(values, name, default, &wanted)?;
    if range.contains(&number) { Ok(number) } else { Err(wrong(values, name, &format!("must be {wanted}"))) }
}

/// Where clients reach the server: scheme, host and port alone, since Admin answers at the root of its host.
fn public_url(values: &Values, text: &str) -> Result<String> {
    let read = || {
        let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\\?#@".contains(c));
        let scheme = text.get(..text.find("://")?)?.to_ascii_lowercase();
        let url = reqwest::Url::parse(text).ok()?;
        let bare = plain && ["http", "https"].contains(&scheme.as_str()) && url.path() == "/";
        bare.then(|| url.origin().ascii_serialization())
    };
    let wanted = "must be http:// or https:// and a host, without user, path, query or fragment, such as https://admin.example.org";
    read().ok_or_else(|| wrong(values, "public_url", wanted))
}

/// Where events are carried by.
fn queue(values: &Values) -> Result<Option<SecretString>> {
    let Some(url) = values.get("queue").map(|(value, _)| value).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    rabbitmq::check(&rabbitmq::Broker::new(url, &[])).map_err(|error| wrong(values, "queue", &error.detail))?;
    Ok(Some(url.clone().into()))
}

/// For how long events are kept: what is younger may still be waited for, such as by a webhook that tries again.
fn retention(values: &Values) -> Result<i64> {
    let days: i64 = parse(values, "audit_retention_days", "0", "a whole number of days")?;
    match days {
        0 | 30..=36_500 => Ok(days),
        _ => Err(wrong(values, "audit_retention_days", "must be 0, which keeps events for ever, or 30 to 36500 days")),
    }
}

/// A store of blobs, if its address is given, by the names of its address and of its two credentials.
fn store(values: &Values, [name, key, secret]: [&str; 3]) -> Result<Option<Store>> {
    let get = |name: &str| values.get(name).map(|(value, _)| value.as_str()).filter(|value| !value.is_empty());
    let credentials = match (get(key), get(secret)) {
        (None, None) => None,
        (Some(id), Some(secret)) => Some(Credentials { id: id.to_owned(), secret: secret.into() }),
        (Some(_), None) => bail!("`{key}` needs `{secret}`"),
        (None, Some(_)) => bail!("`{secret}` needs `{key}`"),
    };
    let Some(text) = get(name) else {
        return if credentials.is_none() {
            Ok(None)
        } else {
            Err(anyhow::anyhow!("`{key}` needs `{name}`, an address s3://…"))
        };
    };
    let address = text.parse().map_err(|why: String| wrong(values, name, &why))?;
    Ok(Some(Store { address, credentials }))
}

/// The server that takes letters, and whom they are from: both, or neither.
fn smtp(values: &Values) -> Result<Option<Smtp>> {
    let get = |name: &str| values.get(name).map(|(value, _)| value.as_str()).filter(|value| !value.is_empty());
    match (get("smtp_url"), get("mail_from")) {
        (None, None) => Ok(None),
        (Some(url), Some(from)) => match Smtp::new(url, from) {
            Ok(smtp) => Ok(Some(smtp)),
            // The address of the server may have a password in it.
            Err(why) => bail!("`{}` (from {}) {}", why.0, values[why.0].1, why.1),
        },
        (Some(_), None) => bail!("`smtp_url` needs `mail_from`, the address that letters are from"),
        (None, Some(_)) => bail!("`mail_from` needs `smtp_url`, the server that sends letters"),
    }
}

/// Whether a text is levels, separated by commas, each for all modules or for one: `info`, `admin_core=debug,warn`. A
/// misspelt level must not pass for a module.
fn is_log_filter(text: &str) -> bool {
    text.split(',').all(|part| {
        let (module, level) = part.split_once('=').map_or((None, part), |(module, level)| (Some(module), level));
        let is_module = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
        };
        LOG_LEVELS.contains(&level) && module.is_none_or(is_module)
    })
}

/// The address file: where the server that runs on a data folder listens.
pub(crate) fn address_file(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.addr")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(pairs: &[(&'static str, &str)]) -> Result<Config> {
        Config::build(pairs.iter().map(|(name, value)| (*name, ((*value).to_owned(), "a test".to_owned()))).collect())
    }

    #[test]
    fn names_the_key_and_the_remedy() {
        let error = |pairs| build(pairs).expect_err("refused").to_string();
        assert!(error(&[("listen", "here")]).contains("`listen` = \"here\" (from a test) must be an address"));
        assert!(error(&[("database", "mysql://x")]).contains("sqlite:PATH or postgres://"));
        assert!(error(&[("shutdown_seconds", "0")]).contains("1 to 3600"));
        assert!(error(&[("decision_sample", "1.5")]).contains("a number from 0 to 1"));
    }

    #[test]
    fn witnesses_and_stores_are_read() {
        let read = build(&[("audit_witnesses", "http://10.0.0.1:7070 KEY")]);
        let said = read.expect_err("no key").to_string();
        assert!(said.contains("`audit_witnesses` = ") && said.contains("commas between"), "{said}");
        for (pairs, why) in [
            (vec![("audit_mirror", "nowhere")], "folder:DIR or s3://"),
            (vec![("audit_mirror_access_key", "x")], "`audit_mirror_access_key` needs `audit_mirror_secret_key`"),
            (vec![("audit_mirror_access_key", "x"), ("audit_mirror_secret_key", "y")], "needs `audit_mirror`"),
            (vec![("audit_mirror_days", "x")], "0 to 36500"),
            (vec![("blob", "s3://bucket/a"), ("audit_mirror", "s3://bucket/a/b")], "another place than `blob`"),
            (vec![("audit_mirror", "folder:/x"), ("audit_mirror_days", "1")], "s3://"),
        ] {
            let said = build(&pairs).expect_err(why).to_string();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_misspelt_log_level_is_refused() {
        for good in ["off", "trace", "admin_core=debug", "warn,admin_db::lane=trace", "admin_core=off,info"] {
            assert_eq!(build(&[("log_level", good)]).expect(good).log_level, good);
        }
        for bad in ["frob", "INFO!", "admin_core=frob", "admin_core", "info,", "=info", "a=b=c", "admin core=info"] {
            let said = build(&[("log_level", bad)]).expect_err(bad).to_string();
            assert!(said.contains("`log_level` = ") && said.contains("error, warn, info, debug, trace"), "{said}");
        }
    }

    #[test]
    fn the_public_url_is_a_scheme_and_a_host() {
        for (given, read) in [
            ("https://admin.example.org", "https://admin.example.org"),
            ("https://admin.example.org/", "https://admin.example.org"),
            ("HTTPS://Admin.Example.org:443/", "https://admin.example.org"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ] {
            assert_eq!(build(&[("public_url", given)]).expect(given).public_url.as_deref(), Some(read));
        }
        assert_eq!(build(&[("public_url", "")]).expect("absent").public_url, None);
        for bad in [
            "admin.example.org",
            "ftp://admin.example.org",
            "https://",
            "https:admin.example.org",
            "https://a/b",
            "https://a//",
            "https://a?b",
            "https://a#b",
            "https://a/?",
            "https://u:p@a",
            "https://@a",
            "https://a b",
            "https://a\n",
            " https://a",
            "https:\\\\a",
            "https://a:99999",
            "javascript://a",
        ] {
            let said = build(&[("public_url", bad)]).expect_err(bad).to_string();
            assert!(said.contains("`public_url` = ") && said.contains("https://admin.example.org"), "{said}");
        }
    }

    #[test]
    fn shows_differences_without_secrets() {
        let config =
            build(&[("master_key", "c2VjcmV0"), ("database", "postgres://a:hunter2@h/d"), ("log_level", "info")]);
        let shown = config.expect("valid").differences().join("\n");
        assert!(shown.contains("postgres://a:***@h/d") && shown.contains("(secret)"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("c2VjcmV0") && !shown.contains("log_level"), "{shown}");
    }
}
