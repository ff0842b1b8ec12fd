//! How fast the producer of this crate is: `cargo run --release -p remora-client --example
//! client_rate -- --help`.
//!
//! `answer` is a nameserver and broker that acknowledges every send and stores nothing: what the
//! client reaches against it is the client's own ceiling. Instructions and allocations a message
//! are the differences between two runs under `valgrind --tool=callgrind` and `--tool=memcheck`
//! with `send --messages 20480` and `61440`.
//!
//! Beside the official Java client, on any server, after `mvn -q process-classes` in
//! `tests/interop/java`:
//! `client_rate compare --nameserver HOST:PORT --other
//! 'java -cp "tests/interop/java/target/classes:tests/interop/java/target/lib/*" interop.Rate'`.
#[path = "client_rate/answer.rs"]
mod answer;
#[path = "client_rate/compare.rs"]
mod compare;
#[path = "client_rate/load.rs"]
mod load;
#[path = "client_rate/options.rs"]
mod options;

use std::process::ExitCode;

use options::{Command, Options};

const USAGE: &str = "\
client_rate answer [--listen 127.0.0.1:0]   acknowledge every send, store nothing; prints the address
client_rate send [options]                  one run, printed as a line of JSON
client_rate compare --other 'COMMAND' [options]
                                            this client and another in turn; COMMAND gets the options
                                            of the load and prints a line with \"perSecond\":N
options:
  --nameserver HOST:PORT   default 127.0.0.1:9876
  --topic NAME             default client-rate
  --callers N              tasks that send (default 8), each with
  --window N               sends at a time (default 32)
  --size N                 bytes of a body (default 128)
  --threads N              of the runtime (default 1)
  --seconds S              that count (default 5), after
  --warmup S               (default 1)
  --messages N             stop after so many instead; no warm-up
  --batching               group what waits for a queue into one request
  --rounds N               of compare (default 3)";

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("client_rate: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let outcome = match options.command {
        Command::Answer => answer::serve(&options.listen),
        Command::Send => load::run(&options).map(|measured| println!("{}", measured.to_json())),
        Command::Compare => compare::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("client_rate: {problem}");
            ExitCode::FAILURE
        }
    }
}
