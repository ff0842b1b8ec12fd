//! The configuration of a running program.
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use crate::apache::{self, Severity};
use crate::error::{ConfigError, Notice, Rejected, UpdateError};
use crate::key::{Change, Key, Scope};
use crate::layers::{self, Assignment, Layers};
use crate::nearest::nearest;
use crate::origin::Origin;
use crate::properties;
use crate::settings::{KEYS, Settings, key_by_toml, key_by_wire_name};

/// Settings with the origin of each value, changeable while running. Share it in an `Arc`.
#[derive(Debug)]
pub struct Config {
    /// What is in force.
    settings: ArcSwap<Settings>,
    state: Mutex<State>,
    /// Where changes of code 25 are kept.
    runtime_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// What codes 26 and 319 show: in force, or waiting for a restart.
    shown: Settings,
    origins: HashMap<&'static str, Origin>,
    /// Apache's keys without a meaning here, by role, to be echoed.
    echoed: BTreeMap<String, String>,
    nameserver_echoed: BTreeMap<String, String>,
    /// Changed by code 25: wire name and value.
    kept: BTreeMap<String, String>,
    version: u64,
}

/// What an update did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Updated {
    /// In force now.
    pub applied: Vec<String>,
    /// Shown, in force after a restart.
    pub after_restart: Vec<String>,
    /// Apache's keys that mean nothing here.
    pub no_effect: Vec<String>,
    /// Unknown names with the nearest known one; ignored, as Apache does.
    pub unknown: Vec<(String, Option<&'static str>)>,
}

/// Values that are never echoed to a peer.
const SECRETS: &[&str] = &["innerClientAuthenticationCredentials", "initAuthenticationUser"];

/// Apache's list of keys that only the owner of the machine may set.
const BLACK_LIST: &[&str] = &[
    "configBlackList",
    "brokerConfigPath",
    "configStorePath",
    "rocketmqHome",
    "messageStorePlugIn",
    "authConfigPath",
];

impl Config {
    /// Reads every layer. Notices are for the log, in order.
    pub fn load(layers: &Layers) -> Result<(Self, Vec<Notice>), Rejected> {
        let mut loading = Loading::default();
        loading.files(layers);
        let (env, env_notices) = layers::read_env(&layers.env);
        loading.notices.extend(env_notices);
        let flags: Vec<_> = layers
            .flags
            .iter()
            .map(|flag| Assignment {
                name: flag.key.to_owned(),
                value: flag.value.clone(),
                origin: Origin::Flag { name: flag.flag },
            })
            .collect();
        let runtime_file = layers.keep_changes.then(|| {
            // The data directory may itself be set by the environment or a flag.
            let mut probe = loading.clone_state();
            probe.own(env.iter().chain(&flags).cloned());
            probe.state.shown.store_path.join("config").join("runtime.properties")
        });
        if let Some(path) = &runtime_file {
            loading.runtime(path);
        }
        loading.own(env);
        loading.own(flags);
        loading.finish(runtime_file)
    }

    /// Defaults alone, with some settings changed: for tests and embedded servers.
    pub fn from_settings(settings: Settings) -> Self {
        let mut state = State { shown: settings.clone(), ..State::default() };
        let defaults = Settings::default();
        for key in KEYS.iter().filter(|key| key.value(&settings) != key.value(&defaults)) {
            state.origins.insert(key.field, Origin::Derived);
        }
        Self {
            settings: ArcSwap::from_pointee(settings),
            state: Mutex::new(state),
            runtime_file: None,
        }
    }

    /// What is in force now. Keep it for the length of an operation, not longer.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// The same without counting a reference: for hot paths.
    pub fn peek(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Where the value of a key came from, by TOML name or Apache's.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        let key = key_by_toml(name).or_else(|| KEYS.iter().find(|key| key.apache == name))?;
        Some(self.state.lock().origins.get(key.field).cloned().unwrap_or(Origin::Default))
    }

    /// Every key: the table itself.
    pub fn keys(&self) -> &'static [Key] {
        KEYS
    }

    /// Counts changes: the `version` of code 26's answer.
    pub fn version(&self) -> u64 {
        self.state.lock().version
    }

    /// The broker's keys and values, by wire name, for code 26.
    pub fn properties(&self) -> Vec<(String, String)> {
        self.shown(Scope::Broker)
    }

    /// The nameserver's keys and values, by wire name, for code 319.
    pub fn nameserver_properties(&self) -> Vec<(String, String)> {
        self.shown(Scope::Nameserver)
    }

    fn shown(&self, scope: Scope) -> Vec<(String, String)> {
        let state = self.state.lock();
        let rows = KEYS.iter().filter(|key| key.scope == scope);
        let mut all: BTreeMap<String, String> =
            rows.map(|key| (key.wire_name().to_owned(), key.value(&state.shown))).collect();
        let echoed = if scope == Scope::Broker { &state.echoed } else { &state.nameserver_echoed };
        let echoed = echoed.iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
        all.extend(echoed.map(|(name, value)| (name.clone(), value.clone())));
        all.into_iter().collect()
    }

    /// Changes the broker's keys by wire name (code 25), all or nothing.
    pub fn update<N: AsRef<str>, V: AsRef<str>>(
        &self,
        changes: &[(N, V)],
    ) -> Result<Updated, UpdateError> {
        self.change(Scope::Broker, changes)
    }

    /// Changes the nameserver's keys by wire name (code 318), all or nothing; never kept on disk.
    pub fn update_nameserver<N: AsRef<str>, V: AsRef<str>>(
        &self,
        changes: &[(N, V)],
    ) -> Result<Updated, UpdateError> {
        self.change(Scope::Nameserver, changes)
    }

    fn change<N: AsRef<str>, V: AsRef<str>>(
        &self,
        scope: Scope,
        changes: &[(N, V)],
    ) -> Result<Updated, UpdateError> {
        let mut state = self.state.lock();
        let mut next = state.clone();
        let mut in_force = Settings::clone(&self.settings.load());
        let mut updated = Updated::default();
        for (name, value) in changes {
            let change = Assignment {
                name: name.as_ref().trim().to_owned(),
                value: value.as_ref().to_owned(),
                origin: Origin::Runtime,
            };
            next.change(scope, &change, &mut in_force, &mut updated)?;
        }
        if let Some(path) = self.runtime_file.as_ref().filter(|_| scope == Scope::Broker) {
            keep(path, &next.kept)
                .map_err(|source| UpdateError::Keep { path: path.clone(), source })?;
        }
        next.version += 1;
        *state = next;
        self.settings.store(Arc::new(in_force));
        Ok(updated)
    }

    /// Sets what only the start can know (the port that was free), by TOML name.
    pub fn derive(&self, toml_name: &str, value: &str) -> Result<(), ConfigError> {
        let mut state = self.state.lock();
        let mut in_force = Settings::clone(&self.settings.load());
        let derived = Assignment {
            name: toml_name.to_owned(),
            value: value.to_owned(),
            origin: Origin::Derived,
        };
        let key = key_by_toml(toml_name).ok_or_else(|| unknown_toml(&derived))?;
        set(key, &mut in_force, &derived)?;
        set(key, &mut state.shown, &derived)?;
        state.origins.insert(key.field, Origin::Derived);
        self.settings.store(Arc::new(in_force));
        Ok(())
    }
}

impl State {
    fn change(
        &mut self,
        scope: Scope,
        change: &Assignment,
        in_force: &mut Settings,
        updated: &mut Updated,
    ) -> Result<(), UpdateError> {
        let name = change.name.as_str();
        refuse_missing(change)?;
        let Some(key) = key_by_wire_name(scope, name) else {
            if BLACK_LIST.contains(&name) {
                return Err(UpdateError::Fixed { name: name.into(), env: "a variable".into() });
            }
            if apache::is_apache_name(name) {
                if scope == Scope::Broker {
                    self.echoed.insert(name.into(), change.value.clone());
                    self.kept.insert(name.into(), change.value.clone());
                } else {
                    self.nameserver_echoed.insert(name.into(), change.value.clone());
                }
                updated.no_effect.push(name.into());
            } else {
                updated.unknown.push((name.into(), nearest(name, wire_names())));
            }
            return Ok(());
        };
        let before = key.value(&self.shown);
        set(key, &mut self.shown, change)?;
        // A tool may send back everything that code 26 showed it.
        if key.value(&self.shown) == before {
            return Ok(());
        }
        match key.change {
            Change::Fixed => {
                return Err(UpdateError::Fixed { name: name.into(), env: key.env() });
            }
            Change::Restart => updated.after_restart.push(name.into()),
            Change::Runtime => {
                set(key, in_force, change)?;
                updated.applied.push(name.into());
            }
        }
        if scope == Scope::Broker {
            self.kept.insert(key.wire_name().into(), change.value.clone());
        }
        self.origins.insert(key.field, Origin::Runtime);
        Ok(())
    }
}

/// The layers while they are being put on each other.
#[derive(Default)]
struct Loading {
    state: State,
    notices: Vec<Notice>,
    causes: Vec<ConfigError>,
}

impl Loading {
    fn clone_state(&self) -> Self {
        Self { state: self.state.clone(), ..Self::default() }
    }

    fn files(&mut self, layers: &Layers) {
        if let Some(path) = &layers.toml {
            match layers::read_toml(path) {
                Ok(found) => self.own(found),
                Err(error) => self.causes.push(error),
            }
        }
        if let Some(path) = &layers.broker_conf {
            match layers::read_broker_conf(path) {
                Ok(found) => self.apache(&found),
                Err(error) => self.causes.push(error),
            }
        }
    }

    /// Assignments by TOML name: an unknown one is an error.
    fn own(&mut self, found: impl IntoIterator<Item = Assignment>) {
        for assignment in found {
            match key_by_toml(&assignment.name) {
                Some(key) => self.set(key, &assignment),
                None => self.causes.push(unknown_toml(&assignment)),
            }
        }
    }

    /// Assignments by Apache's name: an unknown one is a notice.
    fn apache(&mut self, found: &[Assignment]) {
        for assignment in found {
            let Assignment { name, value, origin } = assignment;
            if let Some(key) = key_by_wire_name(Scope::Broker, name) {
                self.set(key, assignment);
            } else if apache::is_apache_name(name) {
                let asks_for_missing = self.check_missing(name, assignment);
                if !asks_for_missing {
                    let notice = Notice::NoEffect { name: name.clone(), origin: origin.clone() };
                    self.notices.push(notice);
                }
                self.state.echoed.insert(name.clone(), value.clone());
            } else {
                self.notices.push(Notice::Unknown {
                    name: name.clone(),
                    origin: origin.clone(),
                    nearest: nearest(name, wire_names()),
                });
            }
        }
    }

    fn runtime(&mut self, path: &Path) {
        match layers::read_runtime(path) {
            Ok(found) => {
                for assignment in &found {
                    let kept = (assignment.name.clone(), assignment.value.clone());
                    self.state.kept.insert(kept.0, kept.1);
                }
                self.apache(&found);
            }
            Err(error) => self.causes.push(error),
        }
    }

    fn set(&mut self, key: &'static Key, assignment: &Assignment) {
        if let Err(error) = set(key, &mut self.state.shown, assignment) {
            self.causes.push(error);
            return;
        }
        self.check_missing(key.apache, assignment);
        self.state.origins.insert(key.field, assignment.origin.clone());
    }

    /// Whether the value asks for something we lack; it is then noted or refused.
    fn check_missing(&mut self, apache_name: &str, assignment: &Assignment) -> bool {
        let Assignment { name, value, origin } = assignment.clone();
        let Some(feature) = apache::missing(apache_name, &value) else { return false };
        match feature.severity {
            Severity::Refuse => {
                self.causes.push(ConfigError::Missing { name, value, feature, origin });
            }
            Severity::Warn => self.notices.push(Notice::Missing { name, value, feature, origin }),
        }
        true
    }

    fn finish(self, runtime_file: Option<PathBuf>) -> Result<(Config, Vec<Notice>), Rejected> {
        if !self.causes.is_empty() {
            return Err(Rejected { causes: self.causes });
        }
        let config = Config {
            settings: ArcSwap::from_pointee(self.state.shown.clone()),
            state: Mutex::new(self.state),
            runtime_file,
        };
        Ok((config, self.notices))
    }
}

fn set(key: &Key, settings: &mut Settings, assignment: &Assignment) -> Result<(), ConfigError> {
    if (key.set)(settings, &key.kind, &assignment.value) {
        return Ok(());
    }
    Err(ConfigError::Value {
        name: assignment.name.clone(),
        value: assignment.value.clone(),
        expected: key.kind.expected(),
        origin: assignment.origin.clone(),
    })
}

fn refuse_missing(change: &Assignment) -> Result<(), ConfigError> {
    match apache::missing(&change.name, &change.value) {
        Some(feature) if feature.severity == Severity::Refuse => Err(ConfigError::Missing {
            name: change.name.clone(),
            value: change.value.clone(),
            feature,
            origin: change.origin.clone(),
        }),
        _ => Ok(()),
    }
}

/// An Apache name in TOML is the likeliest slip: its own TOML name is then the nearest.
fn unknown_toml(assignment: &Assignment) -> ConfigError {
    let Assignment { name, origin, .. } = assignment.clone();
    let last = name.rsplit('.').next().unwrap_or(&name);
    let by_apache = KEYS.iter().find(|key| !key.apache.is_empty() && key.apache == last);
    let nearest =
        by_apache.map(|key| key.toml).or_else(|| nearest(&name, KEYS.iter().map(|key| key.toml)));
    ConfigError::Unknown { name, origin, nearest }
}

fn wire_names() -> impl Iterator<Item = &'static str> {
    let rows = KEYS.iter().filter(|key| key.scope == Scope::Broker).map(Key::wire_name);
    rows.chain(apache::apache_names())
}

/// Replaces the file whole, so that a crash leaves the old or the new one.
fn keep(path: &Path, kept: &BTreeMap<String, String>) -> std::io::Result<()> {
    let mut text = String::from("# Changes made while running; delete this file to forget them.\n");
    for (name, value) in kept {
        properties::write(&mut text, name, value);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let next = path.with_extension("properties.tmp");
    let mut file = std::fs::File::create(&next)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&next, path)
}
