//! Tells the tests which tools of other languages this machine has.
//!
//! A test that needs one carries `#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]`, so
//! that the test runner itself says and counts what was skipped. With `CI=true` nothing is skipped:
//! a missing tool is a failing test.

use std::{env, path::Path};

/// The name of the cfg that is set when one of the tools is missing, and the tools.
const NEEDS: [(&str, &[&str]); 4] = [
    ("no_java", &["java", "javac", "mvn"]),
    ("no_go", &["go"]),
    ("no_node", &["node", "npm"]),
    ("no_python", &["python3"]),
];

fn main() {
    let path = env::var_os("PATH").unwrap_or_default();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=CI");
    let in_ci = env::var_os("CI").is_some_and(|ci| ci == "true");
    for (cfg, tools) in NEEDS {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        let have_all = tools.iter().all(|tool| present(&path, tool));
        if !have_all && !in_ci {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}

/// Whether `tool` is on the path; asks cargo to ask again when the place where it is, or could come
/// to be, changes.
fn present(path: &std::ffi::OsStr, tool: &str) -> bool {
    let mut found = false;
    for directory in env::split_paths(path) {
        let file = directory.join(tool);
        if file.is_file() {
            println!("cargo::rerun-if-changed={}", file.display());
            found = true;
        }
    }
    if !found {
        for directory in env::split_paths(path).filter(|directory| Path::new(directory).is_dir()) {
            println!("cargo::rerun-if-changed={}", directory.display());
        }
    }
    found
}
