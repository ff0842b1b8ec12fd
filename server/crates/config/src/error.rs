//! What can be wrong with a configuration, each cause with where it stands and what to write.
use std::path::PathBuf;

use crate::apache::Missing;
use crate::origin::Origin;
use crate::properties::PropertiesError;

/// One cause to refuse a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{origin}: unknown key '{name}'{}", did_you_mean(*.nearest))]
    Unknown { name: String, origin: Origin, nearest: Option<&'static str> },
    #[error("{origin}: '{name}' is '{value}', expected {expected}")]
    Value { name: String, value: String, expected: String, origin: Origin },
    #[error("{origin}: '{name}' = '{value}': {}", .feature.consequence)]
    Missing { name: String, value: String, feature: &'static Missing, origin: Origin },
    #[error("{path}: {source}", path = .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} is not TOML: {message}", path = .path.display())]
    Toml { path: PathBuf, message: String },
    #[error("{path}: {source}", path = .path.display())]
    Properties { path: PathBuf, source: PropertiesError },
}

/// Every cause at once, one a line, so that one start shows all that is to be mended.
#[derive(Debug, thiserror::Error)]
#[error("{}", .causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Rejected {
    pub causes: Vec<ConfigError>,
}

/// Something worth a log line that does not stop the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Apache ignores unknown keys, and so do we; but it is rarely meant.
    Unknown { name: String, origin: Origin, nearest: Option<&'static str> },
    /// The value asks for something that is not there; running without it is safe.
    Missing { name: String, value: String, feature: &'static Missing, origin: Origin },
    /// A key of Apache's that means nothing here, such as the size of a thread pool.
    NoEffect { name: String, origin: Origin },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown { name, origin, nearest } => {
                write!(f, "{origin}: unknown key '{name}' is ignored{}", did_you_mean(*nearest))
            }
            Self::Missing { name, value, feature, origin } => {
                write!(f, "{origin}: '{name}' = '{value}': {}", feature.consequence)
            }
            Self::NoEffect { name, origin } => {
                write!(f, "{origin}: '{name}' has no effect here")
            }
        }
    }
}

/// Why a change at run time was refused; nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error(transparent)]
    Rejected(#[from] ConfigError),
    #[error(
        "'{name}' cannot be changed by a request; set it in the configuration file, as {env} or by a flag, and restart"
    )]
    Fixed { name: String, env: String },
    #[error("cannot keep the change in {path}: {source}", path = .path.display())]
    Keep { path: PathBuf, source: std::io::Error },
}

fn did_you_mean(nearest: Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}
