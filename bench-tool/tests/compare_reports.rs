//! What a comparison's reports say, from rounds made by hand.
use remora_bench::compare::figures::{
    Column, Key, Measured, Noise, Round, Spread, Unit, times_better,
};
use remora_bench::compare::loads::{LOADS, select};
use remora_bench::compare::machine::Machine;
use remora_bench::compare::session::LoadResult;
use remora_bench::compare::tables::{free_memory, profiles, remarks, rows};
use remora_bench::compare::{Comparison, goals, html};
use remora_bench::cpu::{CpuTime, Thread};
use remora_bench::profile::CpuProfile;
use remora_bench::stats;

const RATE: Key = Key { name: "msg/s", at: None, unit: Unit::MessagesPerSecond };

fn round(rate: f64, other_cores: f64) -> Round {
    let mut measured = Measured::default();
    measured.put(RATE.name, RATE.unit, rate);
    measured.put("p50", Unit::Micros, 1e6 / rate);
    measured.put("server", Unit::MicrosPerMessage, 0.9);
    measured.other_cores = Some(other_cores);
    let mut latency = stats::histogram();
    latency.saturating_record_n(30_000, 990);
    latency.saturating_record_n(900_000, 10);
    measured.latency = Some(latency);
    Round { measured, void: other_cores > 0.3 }
}

fn column(target: &str, rounds: Vec<Round>) -> Column {
    Column { target: target.to_owned(), rounds, absent: None }
}

fn absent(target: &str, reason: &str) -> Column {
    Column { target: target.to_owned(), rounds: Vec::new(), absent: Some(reason.to_owned()) }
}

fn result(load: &str, columns: Vec<Column>) -> LoadResult {
    LoadResult { load: select(load).expect("a load")[0], columns }
}

fn comparison(noise: Noise, results: Vec<LoadResult>) -> Comparison {
    let machine = Machine {
        cores: 2,
        cpu_model: "x86_64 <model> & \"more\"".to_owned(),
        kernel: "6.18".to_owned(),
        memory_gib: 24.0,
        load_average: 0.1,
    };
    Comparison { machine, results, noise, other_cores_max: 0.3, memory_filled: true }
}

fn throughput() -> LoadResult {
    let remora = vec![round(800e3, 0.1), round(9.0, 1.5), round(1e6, 0.2), round(900e3, 0.0)];
    let ceiling = vec![round(1.5e6, 0.1), round(1.8e6, 0.1), round(2e6, 0.1)];
    let columns = vec![
        column("remora", remora),
        column("ceiling", ceiling),
        absent("apache", "no java here"),
    ];
    result("c64w32", columns)
}

#[test]
fn spreads_have_the_middle_and_ratios_say_how_many_times_better() {
    let of = |values: &[f64]| Spread::of(values.to_vec()).expect("values");
    assert_eq!(of(&[3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
    assert_eq!(of(&[4.0, 1.0]), Spread { min: 1.0, median: 2.5, max: 4.0 });
    assert_eq!(Spread::of(Vec::new()), None);
    let (rate, micros) = (Unit::MessagesPerSecond, Unit::Micros);
    assert_eq!(times_better(of(&[30.0]), of(&[10.0]), rate), Some(3.0));
    assert_eq!(times_better(of(&[30.0]), of(&[15.0]), micros), Some(0.5));
    assert_eq!(times_better(of(&[30.0]), of(&[0.0]), rate), None);
}

#[test]
fn figures_are_shown_with_three_digits_and_a_prefix() {
    let shown = [
        Unit::MessagesPerSecond.show(1_234_567.0),
        Unit::Micros.show(32.04),
        Unit::MicrosPerMessage.show(0.3),
        Unit::Bytes.show(8192.0),
        Unit::Share.show(0.812),
        Unit::Count.show(0.0),
    ];
    assert_eq!(shown, ["1.23M", "32.0", "0.30", "8.00Ki", "81", "0"]);
}

#[test]
fn a_void_round_is_not_counted_and_not_hidden() {
    let load = throughput();
    let table = rows(&load, Noise::Refused);
    assert_eq!(table.header, ["min / median / max", "remora", "ceiling", "remora : ceiling"]);
    assert_eq!(table.rows[0], ["msg/s", "800k / 900k / 1.00M", "1.50M / 1.80M / 2.00M", "0.50"]);
    let expected = [
        "remora: 1 of 4 rounds void (not counted): others used 1.50 cores",
        "apache: not measured: no java here",
    ];
    assert_eq!(remarks(&load, Noise::Refused), expected);
}

#[test]
fn a_round_during_which_the_machine_stood_still_says_so() {
    let mut stalled = round(5.0, 0.1);
    (stalled.measured.stalled_s, stalled.void) = (98.4, true);
    let load = result("c64w32", vec![column("remora", vec![round(6.0, 0.1), stalled])]);
    let expected = "remora: 1 of 2 rounds void (not counted): the machine stood still for 98.4 s";
    assert_eq!(remarks(&load, Noise::Refused), [expected]);
}

/// As of a server whose io threads used `io_us` and others 100 us for 100 messages.
fn profile(io_us: u64) -> CpuProfile {
    let thread = |id, name: &str, user_us| {
        let cpu = CpuTime { user_us, system_us: 0 };
        Thread { id, name: name.to_owned(), cpu }
    };
    let all = CpuTime { user_us: io_us, system_us: 100 };
    CpuProfile::between(&[], &[thread(1, "broker-io-0", io_us), thread(2, "idle", 0)], all, 100)
}

#[test]
fn the_profile_of_the_round_in_the_middle_is_told() {
    let with = |io_us: &u64| {
        let mut round = round(1e6, 0.1);
        round.measured.profiled("16", Some(&profile(*io_us)));
        round
    };
    let rounds = [900, 100, 300].iter().map(with).collect();
    let load = result("sizes", vec![column("remora", rounds), absent("apache", "no java here")]);
    let expected = ["remora, 16 body bytes", "4.00", "3.00", "1.00", "broker-io 3.00, other 1.00"];
    assert_eq!(profiles(&load, Noise::Refused).rows, [expected]);
}

#[test]
fn the_points_of_a_curve_stand_one_below_the_other() {
    let mut measured = Measured::default();
    for at in [1, 64] {
        measured.put_at("msg/s", at, Unit::MessagesPerSecond, 1e6);
        measured.put_at("server", at, Unit::MicrosPerMessage, 1.0);
    }
    let load = result("producers", vec![column("remora", vec![Round { measured, void: false }])]);
    let titles: Vec<String> =
        rows(&load, Noise::Refused).rows.into_iter().map(|row| row[0].clone()).collect();
    let expected = [
        "msg/s at 1 producers",
        "msg/s at 64 producers",
        "server us/msg at 1 producers",
        "server us/msg at 64 producers",
    ];
    assert_eq!(titles, expected);
}

#[test]
fn free_memory_before_the_rounds_is_told() {
    let of = |mib: u64| {
        let mut round = round(1e6, 0.1);
        round.measured.free_memory_bytes = Some(mib << 20);
        round
    };
    let load = result("c1w1", vec![column("remora", vec![of(512), of(3_072), of(1_024)])]);
    let told = free_memory(&comparison(Noise::Refused, vec![load]));
    let expected = "free memory before a round, B: 512Mi / 1.00Gi / 3.00Gi, filled with page cache";
    assert_eq!(told.as_deref(), Some(expected));
}

#[test]
fn accepted_noise_is_counted_and_marked() {
    let table = rows(&throughput(), Noise::Accepted);
    assert_eq!(table.rows[0][1], "~9.00 / 850k / 1.00M");
}

#[test]
fn nothing_but_void_rounds_is_no_figure() {
    let load = result("c64w32", vec![column("remora", vec![round(5.0, 2.0)])]);
    assert_eq!(rows(&load, Noise::Refused).rows[0][1], "void");
}

#[test]
fn the_table_of_goals_has_a_row_for_every_load_that_ran() {
    let text = goals::markdown(&comparison(Noise::Refused, vec![throughput()]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[2],
        "| acknowledged single sends, 128 B, async flush, 64 connections x 32, msg/s \
         | >= 50 % of the ceiling, >= 15x Apache | 800k / 900k / 1.00M | 1.50M / 1.80M / 2.00M \
         | not measured: no java here | 0.50 |  | – |"
    );
    assert!(lines[3].ends_with("| 0.90 | 0.90 | not measured: no java here | 1.00 |  | yes |"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("| ")).count(), 3, "{text}");
}

#[test]
fn the_page_is_well_formed_whatever_ran() {
    let mut results = vec![throughput()];
    for load in LOADS.iter().filter(|load| load.axis().is_some()) {
        let mut measured = Measured::default();
        for at in [1, 100, 10_000] {
            measured.put_at("msg/s", at, Unit::MessagesPerSecond, 1e6 / at as f64);
            measured.put_at("server", at, Unit::MicrosPerMessage, 1.0);
        }
        measured.warnings.push("5 refused, the first with code 2: <busy> & \"full\"".to_owned());
        let columns = vec![column("remora", vec![Round { measured, void: false }])];
        results.push(LoadResult { load: *load, columns });
    }
    results.push(result("pull", vec![absent("apache", "no java here")]));
    for noise in [Noise::Refused, Noise::Accepted] {
        let page = html::page(&comparison(noise, results.clone()));
        well_formed(&page);
        assert_eq!(page.matches("<svg").count(), 2 + 6 * 2);
        assert!(!page.contains("NaN") && !page.contains("inf"), "a point without a place");
        assert!(!page.contains("http") && !page.contains("<script"), "not self-contained");
    }
    well_formed(&html::page(&comparison(Noise::Refused, Vec::new())));
}

/// Every tag is closed in its order, quotes in tags are paired, `&` begins an entity.
fn well_formed(page: &str) {
    let body = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    let mut open: Vec<&str> = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag's end");
        assert!(tag.matches('"').count() % 2 == 0, "<{tag}>");
        let entities = text.split('&').skip(1);
        for entity in entities.filter(|_| open.last() != Some(&"style")) {
            assert!(
                ["amp;", "lt;", "gt;", "quot;"].iter().any(|e| entity.starts_with(e)),
                "&{entity}"
            );
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}
