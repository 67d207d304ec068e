//! The command line: what it says of itself, and of settings that cannot be.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Runs `admin ARGUMENTS` in the folder, with these variables alone.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
        command.env_clear().envs(variables.iter().copied()).current_dir(self.folder.path());
        command.args(arguments).output().expect("the binary runs")
    }

    /// Runs a command that must fail: the one line that it says, which holds `parts`.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], variables: &[(&str, &str)], parts: &[&str]) {
        let output = self.run(arguments, variables);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("admin: ") && said.lines().count() == 1, "one clear sentence, not: {said}");
        for part in parts {
            assert!(said.contains(part), "{said:?} does not say {part:?}");
        }
        assert!(output.stdout.is_empty());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file");
    }
}

#[test]
fn help_and_version_are_there() {
    let place = Place::new();
    let help = place.run(&["--help"], &[]);
    let said = String::from_utf8_lossy(&help.stdout);
    assert!(help.status.success());
    for word in
        ["serve", "migrate", "sign-in", "token", "config", "import", "export", "access", "--data-dir", "--database"]
    {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
    let help = place.run(&["access", "--help"], &[]);
    let said = String::from_utf8_lossy(&help.stdout);
    for word in ["explain", "matrix", "simulate", "decisions", "the nearest change", "without writing anything"] {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
    let version = place.run(&["--version"], &[]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("admin {}\n", env!("CARGO_PKG_VERSION")));
    for wrong in [
        &[][..],
        &["server"],
        &["serve", "--colour"],
        &["token", "create"],
        &["access"],
        &["access", "explain", "read"],
        &["access", "explain", "read", "berlin"],
        &["access", "simulate"],
        &["access", "decisions", "--limit", "201"],
    ] {
        let output = place.run(wrong, &[]);
        assert_eq!((output.status.code(), output.stderr.is_empty()), (Some(2), false), "{wrong:?}");
    }
    assert_eq!(fs::read_dir(place.folder.path()).expect("a folder").count(), 0, "asking for help makes no files");
}

#[test]
fn a_key_that_does_not_exist_is_named() {
    let place = Place::new();
    place.refuses(&["serve"], &[("ADMIN_LISTNE", "x")], &["unknown key `ADMIN_LISTNE` in the environment", "listen"]);
    place.write("admin.toml", "lisen = \"127.0.0.1:0\"\n");
    place.refuses(&["serve"], &[], &["unknown key `lisen` in admin.toml", "listen"]);
    place.write("admin.toml", "listen = [1]\n");
    place.refuses(&["serve"], &[], &["`listen` in admin.toml must be a string or a number"]);
    place.refuses(&["serve", "--config", "other.toml"], &[], &["cannot read the configuration file other.toml"]);
}

#[test]
fn a_file_that_is_not_toml_is_named_with_the_place() {
    let place = Place::new();
    place.write("admin.toml", "log_level = \"info\"\nlisten = \n");
    let output = place.run(&["serve"], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("admin.toml is not TOML") && said.contains("line 2"), "{said}");
}

#[test]
fn a_value_that_cannot_be_is_named_with_its_source() {
    let place = Place::new();
    let cases = [
        ("ADMIN_LISTEN", "here", "must be an address and a port"),
        ("ADMIN_DATABASE", "mysql://x", "sqlite:PATH or postgres://"),
        ("ADMIN_LOG_FORMAT", "xml", "must be pretty or json"),
        ("ADMIN_SHUTDOWN_SECONDS", "0", "must be a whole number from 1 to 3600"),
        ("ADMIN_POSTGRES_LANES", "many", "must be a whole number from 1 to 64"),
    ];
    for (variable, value, why) in cases {
        let key = variable.trim_start_matches("ADMIN_").to_lowercase();
        place.refuses(&["serve"], &[(variable, value)], &[&format!("`{key}` = {value:?}"), variable, why]);
    }
    place.refuses(&["serve", "--listen", "here"], &[("ADMIN_LISTEN", "127.0.0.1:0")], &["from --listen"]);
    place.refuses(&["serve"], &[("ADMIN_MASTER_KEY", "short")], &["master key", "32 bytes in base64"]);
    let levels = "must be one of off, error, warn, info, debug, trace";
    for (command, level) in [(&["serve"][..], "frob"), (&["config", "check"], "admin_core=frob")] {
        place.refuses(command, &[("ADMIN_LOG_LEVEL", level)], &["`log_level` = ", "ADMIN_LOG_LEVEL", levels]);
    }
    let nowhere = [("ADMIN_BOOTSTRAP_TOKEN_FILE", "/nowhere/token")];
    let output = place.run(&["serve", "--listen", "127.0.0.1:0"], &nowhere);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write /nowhere/token; set `bootstrap_token_file` to a place that"), "{said}");
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let place = Place::new();
    place.write("admin.toml", "listen = \"127.0.0.1:1\"\nlog_level = \"warn\"\nlog_format = \"json\"\n");
    let variables = [("ADMIN_LISTEN", "127.0.0.1:2"), ("ADMIN_LOG_LEVEL", "debug"), ("ADMIN_MASTER_KEY", "hidden")];
    let output = place.run(&["config", "show", "--listen", "127.0.0.1:3"], &variables);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "listen = \"127.0.0.1:3\"  # from --listen",
        "log_level = \"debug\"  # from ADMIN_LOG_LEVEL",
        "log_format = \"json\"  # from admin.toml",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(!said.contains("hidden"), "{said}");
}

#[test]
fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let place = Place::new();
    let url = "postgres://ada:hunter2@127.0.0.1:1/admin";
    for command in [&["serve"][..], &["migrate"], &["config", "check"], &["token", "create", "--role", "owner"]] {
        place.refuses(command, &[("ADMIN_DATABASE", url)], &["postgres://ada:***@127.0.0.1:1/admin", "cannot open"]);
    }
    let output = place.run(&["serve"], &[("ADMIN_DATABASE", url)]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    place.refuses(&["migrate"], &[("ADMIN_DATABASE", "sqlite:/nowhere/at/all.db")], &["sqlite:/nowhere/at/all.db"]);
    place.write("file", "not a folder");
    place.refuses(&["migrate", "--data-dir", "file/x"], &[], &["cannot create the data folder file/x", "`data_dir`"]);
}

#[test]
fn a_good_configuration_is_called_good() {
    let place = Place::new();
    let output = place.run(&["config", "check"], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "The configuration is good, and the database answers.\n");
    assert!(place.run(&["migrate"], &[]).status.success());
}

#[test]
fn a_token_makes_no_admin() {
    let place = Place::new();
    for command in [&["token", "create", "--role", "owner"][..], &["export", "--url", "127.0.0.1:1"]] {
        place.refuses(
            command,
            &[],
            &["there is no Admin in sqlite:./admin-data/admin.db", "`admin serve`", "--data-dir"],
        );
    }
    assert_eq!(fs::read_dir(place.folder.path()).expect("a folder").count(), 0, "nothing was made");
    // What `migrate` makes is no Admin yet.
    assert!(place.run(&["migrate"], &[]).status.success());
    place.refuses(&["token", "create", "--role", "owner"], &[], &["there is no Admin in"]);
}
