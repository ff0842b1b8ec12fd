//! Layers, origins, refusals and changes at run time.
use std::path::{Path, PathBuf};

use remora_config::{
    Change, Config, ConfigError, Flag, FlushDisk, KEYS, Layers, Notice, Origin, Rejected, Settings,
    UpdateError,
};

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("temporary file");
    path
}

fn refused(layers: &Layers) -> Vec<String> {
    let rejected: Rejected = Config::load(layers).expect_err("must be refused");
    rejected.causes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_stronger_layer_wins_and_each_value_knows_its_origin() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let toml = file(
        folder.path(),
        "remora.toml",
        "[broker]\nname = \"from-toml\"\nid = 0\n[store]\nflush = \"sync\"\nfile_reserved_hours = 1_0\n",
    );
    let conf = file(folder.path(), "broker.conf", "brokerName=from-conf\nfileReservedTime = 48\n");
    let layers = Layers {
        toml: Some(toml.clone()),
        broker_conf: Some(conf.clone()),
        keep_changes: false,
        env: vec![
            ("REMORA_BROKER_NAME".into(), "from-env".into()),
            ("NAMESRV_ADDR".into(), "10.0.0.1:9876;10.0.0.2:9876".into()),
            ("PATH".into(), "/bin".into()),
        ],
        flags: vec![Flag { flag: "--data-dir", key: "store.path", value: "/tmp/x".into() }],
    };
    let (config, notices) = Config::load(&layers).expect("sound");
    assert_eq!(notices, []);
    let expected = Settings {
        broker_name: "from-env".into(),
        flush: FlushDisk::Sync,
        file_reserved_hours: 48,
        nameserver_addrs: vec!["10.0.0.1:9876".into(), "10.0.0.2:9876".into()],
        store_path: "/tmp/x".into(),
        ..Settings::default()
    };
    assert_eq!(*config.settings(), expected);
    assert_eq!(
        config.origin("broker.name"),
        Some(Origin::Env { name: "REMORA_BROKER_NAME".into() })
    );
    assert_eq!(config.origin("flushDiskType"), Some(Origin::Toml { path: toml, line: 5 }));
    assert_eq!(config.origin("fileReservedTime"), Some(Origin::BrokerConf { path: conf, line: 2 }));
    assert_eq!(config.origin("store.path"), Some(Origin::Flag { name: "--data-dir" }));
    assert_eq!(config.origin("listenPort"), Some(Origin::Default));
    assert_eq!(config.origin("nonsense"), None);
}

#[test]
fn a_misspelt_toml_key_is_refused_with_the_right_name_and_line() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let toml = file(
        folder.path(),
        "r.toml",
        "[store]\nflsh = \"sync\"\n[broker]\nlistenPort = 10911\nzzzzzzzzzzz = 1\n",
    );
    let path = toml.display().to_string();
    assert_eq!(
        refused(&Layers { toml: Some(toml), ..Layers::default() }),
        [
            format!(
                "{path} line 4: unknown key 'broker.listenPort'; did you mean 'broker.listen_port'?"
            ),
            format!("{path} line 5: unknown key 'broker.zzzzzzzzzzz'"),
            format!("{path} line 2: unknown key 'store.flsh'; did you mean 'store.flush'?"),
        ]
    );
}

#[test]
fn a_bad_value_names_key_value_expectation_and_place() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let conf = file(folder.path(), "broker.conf", "listenPort=70000\ndeleteWhen=25\n");
    let path = conf.display().to_string();
    let layers = Layers {
        broker_conf: Some(conf),
        env: vec![("REMORA_STORE_FLUSH".into(), "maybe".into())],
        ..Layers::default()
    };
    assert_eq!(
        refused(&layers),
        [
            format!("{path} line 1: 'listenPort' is '70000', expected a number, from 0 to 65535"),
            format!(
                "{path} line 2: 'deleteWhen' is '25', expected hours of the day from 00 to 23 separated by ';', such as 04"
            ),
            "environment variable REMORA_STORE_FLUSH: 'store.flush' is 'maybe', expected async or sync"
                .to_owned(),
        ]
    );
}

#[test]
fn broker_conf_warns_of_unknown_keys_and_takes_apaches_own() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let conf = file(
        folder.path(),
        "broker.conf",
        "listenPrt=1\nsendMessageThreadPoolNums=64\nenableLmq=true\nbrokerIP1=192.0.2.7\n",
    );
    let layers = Layers { broker_conf: Some(conf), ..Layers::default() };
    let (config, notices) = Config::load(&layers).expect("sound");
    let unknown = |notice: &Notice| match notice {
        Notice::Unknown { name, nearest, .. } => Some((name.clone(), *nearest)),
        _ => None,
    };
    assert_eq!(
        notices.iter().filter_map(unknown).collect::<Vec<_>>(),
        [("listenPrt".to_owned(), Some("listenPort"))]
    );
    assert!(
        matches!(&notices[1], Notice::NoEffect { name, .. } if name == "sendMessageThreadPoolNums")
    );
    assert!(matches!(&notices[2], Notice::Missing { name, .. } if name == "enableLmq"));
    let echoed = ("sendMessageThreadPoolNums".to_owned(), "64".to_owned());
    assert!(config.properties().contains(&echoed));
    assert_eq!(config.settings().broker_ip1.as_deref(), Some("192.0.2.7"));
}

#[test]
fn what_would_break_a_promise_refuses_to_start() {
    let folder = tempfile::tempdir().expect("temporary directory");
    for line in [
        "aclEnable=true",
        "authenticationEnabled=TRUE",
        "brokerRole=SYNC_MASTER",
        "brokerRole=SLAVE",
        "enableControllerMode=true",
        "storeType=defaultRocksDB",
        "inSyncReplicas=2",
    ] {
        let conf = file(folder.path(), "broker.conf", line);
        let causes = refused(&Layers { broker_conf: Some(conf), ..Layers::default() });
        assert_eq!(causes.len(), 1, "{line}: {causes:?}");
        let name = line.split('=').next().expect("a name");
        assert!(causes[0].contains("line 1") && causes[0].contains(name), "{causes:?}");
    }
    let conf = file(
        folder.path(),
        "broker.conf",
        "aclEnable=false\nbrokerRole=ASYNC_MASTER\nstoreType=default\ninSyncReplicas=1\n",
    );
    Config::load(&Layers { broker_conf: Some(conf), ..Layers::default() }).expect("sound");
}

#[test]
fn an_update_is_in_force_at_once_or_after_a_restart_or_echoed() {
    let config = Config::from_settings(Settings::default());
    let updated = config
        .update(&[
            ("maxMessageSize", "1048576"),
            ("flushDiskType", "SYNC_FLUSH"),
            ("enablePopBufferMerge", "true"),
            ("maxMesageSize", "1"),
            ("brokerName", "broker-a"),
        ])
        .expect("sound");
    assert_eq!(updated.applied, ["maxMessageSize"]);
    assert_eq!(updated.after_restart, ["flushDiskType"]);
    assert_eq!(updated.no_effect, ["enablePopBufferMerge"]);
    assert_eq!(updated.unknown, [("maxMesageSize".to_owned(), Some("maxMessageSize"))]);
    let settings = config.settings();
    assert_eq!((settings.max_message_bytes, settings.flush), (1 << 20, FlushDisk::Async));
    let shown = config.properties();
    for (name, value) in [
        ("flushDiskType", "SYNC_FLUSH"),
        ("enablePopBufferMerge", "true"),
        ("maxMessageSize", "1048576"),
    ] {
        assert!(shown.contains(&(name.into(), value.into())), "{name}");
    }
    assert_eq!(config.origin("maxMessageSize"), Some(Origin::Runtime));
    assert_eq!(config.version(), 1);
}

#[test]
fn an_update_with_one_bad_value_changes_nothing() {
    let config = Config::from_settings(Settings::default());
    let before = config.properties();
    let error = config.update(&[("maxMessageSize", "1024"), ("fileReservedTime", "soon")]);
    assert!(matches!(error, Err(UpdateError::Rejected(ConfigError::Value { .. }))), "{error:?}");
    for fixed in ["storePathRootDir", "brokerClusterName", "listenPort", "brokerConfigPath"] {
        let error = config.update(&[(fixed, "1")]);
        assert!(matches!(error, Err(UpdateError::Fixed { .. })), "{fixed}: {error:?}");
    }
    let error = config.update(&[("aclEnable", "true")]);
    assert!(matches!(error, Err(UpdateError::Rejected(ConfigError::Missing { .. }))), "{error:?}");
    assert_eq!(config.properties(), before);
}

#[test]
fn changes_survive_a_restart_and_flags_beat_them() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let data_dir =
        Flag { flag: "--data-dir", key: "store.path", value: folder.path().display().to_string() };
    let mut layers = Layers { keep_changes: true, flags: vec![data_dir], ..Layers::default() };
    let (config, _) = Config::load(&layers).expect("sound");
    config
        .update(&[("fileReservedTime", "7"), ("maxMessageSize", "2048"), ("popPollingSize", "9")])
        .expect("sound");
    layers.flags.push(Flag { flag: "--x", key: "message.bytes_max", value: "4096".into() });
    let (config, _) = Config::load(&layers).expect("sound");
    let settings = config.settings();
    assert_eq!((settings.file_reserved_hours, settings.max_message_bytes), (7, 4096));
    assert!(config.properties().contains(&("popPollingSize".into(), "9".into())));
}

#[test]
fn every_row_has_its_own_names_and_a_default_that_parses() {
    let config = Config::from_settings(Settings::default());
    for (at, key) in KEYS.iter().enumerate() {
        let same = |other: &&remora_config::Key| {
            other.toml == key.toml
                || other.env() == key.env()
                || (other.apache == key.apache && !key.apache.is_empty())
        };
        assert_eq!(KEYS.iter().filter(same).count(), 1, "{}", key.toml);
        assert!(!key.meaning.is_empty() && key.meaning.ends_with('.'), "{}", key.toml);
        assert!(KEYS[at].toml.split_once('.').is_some(), "{}", key.toml);
        let default = key.value(&Settings::default());
        config.derive(key.toml, &default).unwrap_or_else(|error| panic!("{error}"));
        if !key.apache.is_empty() {
            assert!(remora_config::apache::is_apache_name(key.apache), "{}", key.apache);
        }
    }
    assert_eq!(*config.settings(), Settings::default());
    assert!(KEYS.iter().any(|key| key.change == Change::Runtime));
}
