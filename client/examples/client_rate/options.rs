//! The command line.
use std::str::FromStr;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    Answer,
    Send,
    Compare,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub command: Command,
    pub listen: String,
    pub nameserver: String,
    pub topic: String,
    pub callers: usize,
    pub window: usize,
    pub size_bytes: usize,
    pub threads: usize,
    pub seconds: Duration,
    pub warmup: Duration,
    /// Stops after so many messages instead of at a time.
    pub messages: Option<u64>,
    pub batching: bool,
    pub rounds: usize,
    /// The other client's command, for `compare`.
    pub other: String,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = match args.next().as_deref() {
            Some("answer") => Command::Answer,
            Some("send") => Command::Send,
            Some("compare") => Command::Compare,
            other => return Err(format!("no command '{}'", other.unwrap_or(""))),
        };
        let mut options = Self {
            command,
            listen: "127.0.0.1:0".to_owned(),
            nameserver: "127.0.0.1:9876".to_owned(),
            topic: "client-rate".to_owned(),
            callers: 8,
            window: 32,
            size_bytes: 128,
            threads: 1,
            seconds: Duration::from_secs(5),
            warmup: Duration::from_secs(1),
            messages: None,
            batching: false,
            rounds: 3,
            other: String::new(),
        };
        while let Some(name) = args.next() {
            if name == "--batching" {
                options.batching = true;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            options.set(&name, value)?;
        }
        Ok(options)
    }

    /// What makes up the load, as arguments.
    pub fn load_args(&self) -> Vec<String> {
        let mut args: Vec<String> = [
            ("--nameserver", self.nameserver.clone()),
            ("--topic", self.topic.clone()),
            ("--callers", self.callers.to_string()),
            ("--window", self.window.to_string()),
            ("--size", self.size_bytes.to_string()),
            ("--threads", self.threads.to_string()),
            ("--seconds", self.seconds.as_secs_f64().to_string()),
            ("--warmup", self.warmup.as_secs_f64().to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
        args.extend(self.batching.then(|| "--batching".to_owned()));
        args
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "--listen" => self.listen = value,
            "--nameserver" => self.nameserver = value,
            "--topic" => self.topic = value,
            "--other" => self.other = value,
            "--callers" => self.callers = number(name, &value)?,
            "--window" => self.window = number(name, &value)?,
            "--size" => self.size_bytes = number(name, &value)?,
            "--threads" => self.threads = number(name, &value)?,
            "--rounds" => self.rounds = number(name, &value)?,
            "--messages" => self.messages = Some(number(name, &value)?),
            "--seconds" => self.seconds = Duration::from_secs_f64(number(name, &value)?),
            "--warmup" => self.warmup = Duration::from_secs_f64(number(name, &value)?),
            _ => return Err(format!("no option {name}")),
        }
        Ok(())
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} {value}: not a number"))
}
