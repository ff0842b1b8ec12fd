//! The limit of open files: a connection is one.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside connections. Chosen: segments of a log of 500 GiB and open queue files.
const OTHER_FILES: u64 = 1024;

/// Raises the soft limit to the hard one, as a service is often started with 1024. Gives what it
/// then is; `None` is no limit.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

/// A warning where connections will run out of files before they run into their own limit.
pub(crate) fn warn_if_low(open_files_max: Option<u64>, connections_max: usize) {
    let wanted = u64::try_from(connections_max).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    if let Some(limit) = open_files_max.filter(|limit| *limit < wanted) {
        tracing::warn!(
            open_files_max = limit,
            connections_max,
            "fewer files may be open than connections: raise the hard limit (ulimit -Hn, LimitNOFILE) to {wanted}, or lower remoting.connections_max"
        );
    }
}
