//! Where a value came from.
use std::fmt;
use std::path::PathBuf;

/// Source of a value, the weakest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    Default,
    /// The file of `--config`.
    Toml {
        path: PathBuf,
        line: usize,
    },
    /// The file of `--broker-conf`.
    BrokerConf {
        path: PathBuf,
        line: usize,
    },
    /// Changed by code 25 in this or an earlier run.
    Runtime,
    Env {
        name: String,
    },
    Flag {
        name: &'static str,
    },
    /// Found out at the start: a free port, the address of this machine.
    Derived,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Toml { path, line } | Self::BrokerConf { path, line } => {
                write!(f, "{} line {line}", path.display())
            }
            Self::Runtime => f.write_str("changed at run time"),
            Self::Env { name } => write!(f, "environment variable {name}"),
            Self::Flag { name } => f.write_str(name),
            Self::Derived => f.write_str("found at the start"),
        }
    }
}
