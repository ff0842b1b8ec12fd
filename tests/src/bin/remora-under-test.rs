//! The program `remora` as the tests start it: always of this build, and never outliving the tests.

use std::{io, process::ExitCode, thread};

use remora_tests::remora::END_WITH_INPUT;

fn main() -> ExitCode {
    if std::env::var_os(END_WITH_INPUT).is_some() {
        // The test process holds the other end: when it is gone, however it went, nobody is left to
        // stop this one.
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::abort();
        });
    }
    remora_server::main()
}
