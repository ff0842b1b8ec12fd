//! The program `remora`. Everything is in the library, so that tests and tools can embed it.
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    remora_server::main()
}
