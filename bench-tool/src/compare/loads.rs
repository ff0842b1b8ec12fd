//! The loads that can be asked for by name: one row each.
use anyhow::bail;

/// How the server that a load runs on is started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flush {
    Async,
    Sync,
}

/// Connections, requests in flight on each, messages a request, bytes a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    pub connections: usize,
    pub in_flight: usize,
    pub batch: usize,
    pub body_bytes: usize,
}

impl Shape {
    pub const fn new(connections: usize, in_flight: usize) -> Self {
        Self { connections, in_flight, batch: 1, body_bytes: 128 }
    }

    const fn batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }
}

/// What a load does to a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Acknowledged sends, closed loop.
    Send(Shape),
    /// Reads a topic from its first message to its last, again and again.
    Pull { backlog: u64 },
    /// Sends at a fixed rate; latency from due time to receipt by long-polling pulls.
    Push { rate: u32 },
    /// `Push` while another consumer reads a long backlog of another topic from its start.
    Mixed { rate: u32, backlog: u64 },
    /// Far more requests at once than the server can have under way.
    Overload,
    /// Send rate against the number of topics with 8 queues.
    Topics(&'static [usize]),
    /// Send rate against the number of connections with 8 in flight.
    Connections(&'static [usize]),
    /// Send rate to one queue against the number of producers with 32 in flight.
    Producers(&'static [usize]),
    /// `Push` at a low rate against the number of consumer groups that receive all of it.
    Groups { rate: u32, points: &'static [usize] },
    /// Send rate against the size of the body.
    Sizes(&'static [usize]),
    /// Pull rate against the length of the backlog.
    Backlogs(&'static [u64]),
    /// Memory of connections that have sent one message each and are silent.
    Idle { connections: usize },
    /// From the start of the process to its first accepted message; memory then.
    Start,
}

/// A named load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    pub name: &'static str,
    pub title: &'static str,
    pub work: Work,
    pub flush: Flush,
    /// In the default selection.
    pub core: bool,
}

const fn core(name: &'static str, title: &'static str, work: Work) -> Load {
    Load { name, title, work, flush: Flush::Async, core: true }
}

const fn more(name: &'static str, title: &'static str, work: Work) -> Load {
    Load { core: false, ..core(name, title, work) }
}

/// Every load, in the order of the reports.
pub const LOADS: &[Load] = &[
    core("c64w32", "64 connections x 32 in flight", Work::Send(Shape::new(64, 32))),
    core("c8w32", "8 connections x 32 in flight", Work::Send(Shape::new(8, 32))),
    core("c1w1", "1 connection, 1 in flight", Work::Send(Shape::new(1, 1))),
    Load {
        flush: Flush::Sync,
        ..core("sync", "sync flush, 64 connections x 32 in flight", Work::Send(Shape::new(64, 32)))
    },
    core("push20k", "push end to end at 20,000 msg/s", Work::Push { rate: 20_000 }),
    core(
        "pull",
        "pull of a backlog, up to 1,024 messages a pull",
        Work::Pull { backlog: 1_000_000 },
    ),
    core("batch", "batches of 32, 8 connections x 4", Work::Send(Shape::new(8, 4).batch(32))),
    core("start", "start-up", Work::Start),
    more("push5k", "push end to end at 5,000 msg/s", Work::Push { rate: 5_000 }),
    more(
        "mixed",
        "push end to end at 20,000 msg/s beside a reader of a backlog",
        Work::Mixed { rate: 20_000, backlog: 2_000_000 },
    ),
    more("overload", "overload: 64 connections x 256, 2,000 connections x 32", Work::Overload),
    more("topics", "topics of 8 queues", Work::Topics(&[1, 100, 1_000, 10_000])),
    more("connections", "connections", Work::Connections(&[1, 8, 64, 512, 2_000])),
    more("producers", "producers on one queue", Work::Producers(&[1, 4, 16, 64])),
    more(
        "groups",
        "consumer groups on one topic at 500 msg/s, deliveries",
        Work::Groups { rate: 500, points: &[1, 10, 50, 200] },
    ),
    more(
        "sizes",
        "body bytes",
        Work::Sizes(&[16, 128, 1_024, 16_384, 131_072, 1_048_576, 4_194_304]),
    ),
    more("backlog", "messages of backlog", Work::Backlogs(&[100_000, 1_000_000, 4_000_000])),
    more("idle", "10,000 idle connections", Work::Idle { connections: 10_000 }),
];

impl Load {
    /// What a growth curve's points count.
    pub fn axis(&self) -> Option<&'static str> {
        match self.work {
            Work::Topics(_) => Some("topics"),
            Work::Connections(_) => Some("connections"),
            Work::Producers(_) => Some("producers"),
            Work::Groups { .. } => Some("groups"),
            Work::Sizes(_) => Some("body bytes"),
            Work::Backlogs(_) => Some("messages of backlog"),
            _ => None,
        }
    }

    /// Whether it sends at a rate far below what the server can take: what counts is how late the
    /// slowest messages are.
    pub fn is_paced(&self) -> bool {
        matches!(self.work, Work::Push { .. } | Work::Mixed { .. } | Work::Groups { .. })
    }

    /// Whether a server that answers only cannot take it.
    pub fn needs_store(&self) -> bool {
        matches!(
            self.work,
            Work::Pull { .. }
                | Work::Push { .. }
                | Work::Mixed { .. }
                | Work::Groups { .. }
                | Work::Backlogs(_)
                | Work::Start
        )
    }

    /// What preparing a server for it and removing its store take once, about: starting, what is
    /// left to write, topics and the files of their queues, a backlog.
    pub fn setup_seconds(&self) -> f64 {
        let start_s = 4.0;
        start_s
            + match self.work {
                Work::Topics(points) => points.iter().sum::<usize>() as f64 / 150.0,
                Work::Backlogs(points) => points.iter().sum::<u64>() as f64 / 400e3,
                Work::Pull { backlog } | Work::Mixed { backlog, .. } => backlog as f64 / 400e3,
                _ => 0.0,
            }
    }

    /// How many measured windows a round of it has, for the estimate of the time left.
    pub fn windows(&self) -> usize {
        match self.work {
            Work::Topics(points)
            | Work::Connections(points)
            | Work::Producers(points)
            | Work::Groups { points, .. }
            | Work::Sizes(points) => points.len(),
            Work::Backlogs(points) => 2 * points.len(),
            Work::Overload => 3,
            // Two waits for memory to settle, and thousands of connections.
            Work::Idle { .. } | Work::Pull { .. } => 2,
            _ => 1,
        }
    }
}

/// `core`, `all`, or names with commas between; `c16w8`, `c16w8b4`, `c16w8s1024` make a load of
/// sends with that many connections, in flight, messages a batch, body bytes.
pub fn select(names: &str) -> anyhow::Result<Vec<Load>> {
    let mut selected = Vec::new();
    for name in names.split(',').map(str::trim) {
        match name {
            "all" => selected.extend(LOADS),
            "core" => selected.extend(LOADS.iter().filter(|load| load.core)),
            _ => {
                match LOADS.iter().find(|load| load.name == name).copied().or_else(|| made(name)) {
                    Some(load) => selected.push(load),
                    None => bail!(
                        "no load '{name}': core, all, {}, or a shape such as c16w8, c16w8b4, c16w8s1024",
                        LOADS.iter().map(|load| load.name).collect::<Vec<_>>().join(", ")
                    ),
                }
            }
        }
    }
    Ok(selected)
}

fn made(name: &str) -> Option<Load> {
    let mut shape = Shape::new(0, 0);
    let mut rest = name;
    while let Some(letter) = rest.chars().next() {
        let digits = rest.get(1..)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let number = digits.get(..end)?.parse().ok().filter(|number| *number > 0)?;
        match letter {
            'c' => shape.connections = number,
            'w' => shape.in_flight = number,
            'b' => shape.batch = number,
            's' => shape.body_bytes = number,
            _ => return None,
        }
        rest = digits.get(end..)?;
    }
    // A command line is read once: its words may live as long as the process.
    let name: &'static str = String::leak(name.to_owned());
    (shape.connections > 0 && shape.in_flight > 0).then(|| more(name, name, Work::Send(shape)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_selected_by_name_group_or_shape() {
        let names = |text: &str| -> Vec<&str> {
            select(text).unwrap_or_default().iter().map(|load| load.name).collect()
        };
        assert_eq!(names("pull, c1w1"), ["pull", "c1w1"]);
        assert_eq!(names("all").len(), LOADS.len());
        assert!(names("core").contains(&"c8w32"));
        let shape = Shape { connections: 16, in_flight: 8, batch: 4, body_bytes: 1024 };
        let made = select("c16w8b4s1024").expect("a shape");
        assert_eq!(made.iter().map(|load| load.work).collect::<Vec<_>>(), [Work::Send(shape)]);
    }

    #[test]
    fn an_unknown_load_is_refused_with_the_names_there_are() {
        let refusal = select("c1w0").expect_err("no such load").to_string();
        assert!(refusal.contains("'c1w0'") && refusal.contains("push20k"), "{refusal}");
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = LOADS.iter().map(|load| load.name).collect();
        assert_eq!(names.len(), LOADS.len());
    }
}
