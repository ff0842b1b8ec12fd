//! One suite for the real and the simulated disk.
use std::sync::Arc;

use remora_store::FileDisk;
use remora_store::apache_json;
use remora_store::disk::{Access, Disk, LockError, read_file, write_file_atomic};
use remora_store::sim_disk::{FaultPlan, PowerCut, SimDisk};

fn on_both(behaviour: impl Fn(Arc<dyn Disk>)) {
    behaviour(SimDisk::new().share());
    let root = tempfile::tempdir().expect("a temporary directory");
    behaviour(Arc::new(FileDisk::new(root.path().join("store"))));
}

#[test]
fn what_is_written_is_read_back_and_slices_outlive_the_file() {
    on_both(|disk| {
        disk.create_dir("").expect("made");
        disk.create_dir("a/b").expect("made");
        let file = disk.open("a/b/file", Access::Create).expect("made");
        file.allocate(0, 8_192).expect("reserved");
        assert_eq!(file.len(), 8_192);
        file.write_at(4_090, b"hello world").expect("written");
        let mut buf = [0; 13];
        assert_eq!(file.read_at(4_089, &mut buf).expect("read"), 13);
        assert_eq!(&buf, b"\0hello world\0");
        assert_eq!(file.read_at(8_190, &mut buf).expect("read"), 2);
        let slice = file.slice(4_090, 5).expect("sliced");
        assert!(file.slice(8_190, 3).is_err());
        disk.remove("a/b/file").expect("removed");
        drop(file);
        assert_eq!(slice, &b"hello"[..]);
        assert!(disk.open("a/b/file", Access::Write).is_err());
    });
}

#[test]
fn directories_list_their_entries_by_name() {
    on_both(|disk| {
        disk.create_dir("").expect("made");
        disk.create_dir("d/sub").expect("made");
        for name in ["b", "a"] {
            disk.open(&format!("d/{name}"), Access::Create).expect("made");
        }
        let names: Vec<_> =
            disk.list("d").expect("listed").into_iter().map(|one| (one.name, one.is_dir)).collect();
        let expected = [("a", false), ("b", false), ("sub", true)];
        assert_eq!(names, expected.map(|(name, is_dir)| (name.to_owned(), is_dir)));
        assert_eq!(disk.list("nothing").expect("empty"), []);
        disk.rename("d/b", "d/a").expect("renamed");
        assert!(disk.entry("d/b").expect("looked").is_none());
        disk.remove_dir("d").expect("removed");
        disk.remove_dir("d").expect("nothing to do");
        assert!(disk.entry("d").expect("looked").is_none());
    });
}

#[test]
fn zeroed_ranges_are_zero_and_data_is_found_behind_them() {
    on_both(|disk| {
        disk.create_dir("").expect("made");
        let file = disk.open("f", Access::Create).expect("made");
        file.allocate(0, 1 << 20).expect("reserved");
        assert_eq!(file.next_data(0).expect("looked"), None);
        file.write_at(700_001, b"x").expect("written");
        let found = file.next_data(0).expect("looked").expect("data");
        assert!((600_000..=700_001).contains(&found), "{found}");
        file.write_at(10, &[7; 10_000]).expect("written");
        file.zero(15, 9_000).expect("zeroed");
        let mut buf = [1; 10_010];
        file.read_at(0, &mut buf).expect("read");
        assert_eq!(buf[..10], [0; 10]);
        assert_eq!(buf[10..15], [7; 5]);
        assert_eq!(buf[15..9_015], [0; 9_000]);
        assert_eq!(buf[9_015..], [7; 995]);
        assert_eq!(file.len(), 1 << 20);
    });
}

#[test]
fn regions_reach_the_file() {
    on_both(|disk| {
        disk.create_dir("").expect("made");
        let file = disk.open("f", Access::Create).expect("made");
        file.allocate(0, 4_096).expect("reserved");
        let mut region = file.region(4_096).expect("mapped");
        region.as_mut().as_mut()[100..103].copy_from_slice(b"abc");
        region.publish().expect("published");
        file.sync().expect("synced");
        let mut buf = [0; 3];
        file.read_at(100, &mut buf).expect("read");
        assert_eq!(&buf, b"abc");
        assert!(file.region(5_000).is_err(), "never past the end: that would be a signal");
    });
}

#[test]
fn what_was_just_written_is_in_memory_from_any_byte_on() {
    on_both(|disk| {
        disk.create_dir("d").expect("made");
        let file = disk.open("d/f", Access::Create).expect("made");
        file.write_at(0, &[7; 600_000]).expect("written");
        for (offset, len) in [(0, 600_000), (5_000, 100), (4_095, 2), (599_999, 1), (17, 0)] {
            assert_eq!(file.resident(offset, len).expect("known"), len, "from {offset}");
        }
        file.read_ahead(0, 600_000).expect("asked for");
    });
}

#[test]
fn pages_given_back_are_read_again_also_by_slices_taken_before() {
    on_both(|disk| {
        disk.create_dir("").expect("made");
        let file = disk.open("f", Access::Create).expect("made");
        file.allocate(0, 1 << 20).expect("reserved");
        let bytes: Vec<u8> = (0..1_u32 << 20).map(|at| (at % 251) as u8).collect();
        file.write_at(0, &bytes).expect("written");
        let slice = file.slice(0, 1 << 20).expect("sliced");
        assert_eq!(slice, bytes);
        // One part before it is on the disk, all of it after.
        file.forget_clean(4_096, 65_536).expect("given back");
        assert_eq!(slice, bytes);
        file.sync().expect("synced");
        file.forget_clean(0, 1 << 20).expect("given back");
        assert_eq!(slice, bytes);
        file.forget_clean(0, 1 << 20).expect("given back");
        let mut read = vec![0; 1 << 20];
        assert_eq!(file.read_at(0, &mut read).expect("read"), 1 << 20);
        assert_eq!(read, bytes);
    });
}

#[test]
fn lock_is_exclusive_until_dropped() {
    on_both(|disk| {
        disk.create_dir("").expect("made");
        let lock = disk.lock("lock").expect("taken");
        assert!(matches!(disk.lock("lock"), Err(LockError::Held { .. })));
        drop(lock);
        disk.lock("lock").expect("taken again");
    });
}

#[test]
fn atomic_replacement_and_backups() {
    on_both(|disk| {
        disk.create_dir("").expect("made");
        write_file_atomic(disk.as_ref(), "f", b"one").expect("written");
        write_file_atomic(disk.as_ref(), "f", b"2").expect("written");
        assert_eq!(read_file(disk.as_ref(), "f").expect("read"), Some(b"2".to_vec()));
        let read = || apache_json::read(disk.as_ref(), "topics.json", &|bytes| bytes[0] == b'{');
        assert_eq!(read().expect("nothing there"), None);
        apache_json::write(disk.as_ref(), "topics.json", b"{1}").expect("written");
        apache_json::write(disk.as_ref(), "topics.json", b"{2}").expect("written");
        assert_eq!(read().expect("read"), Some(b"{2}".to_vec()));
        // What a power cut leaves of Apache's rewriting: zeros, or a part.
        for damaged in [&b"\0\0\0"[..], b"half", b""] {
            write_file_atomic(disk.as_ref(), "config/topics.json", damaged).expect("written");
            assert_eq!(read().expect("the backup"), Some(b"{1}".to_vec()));
        }
        write_file_atomic(disk.as_ref(), "config/topics.json", b"{3}\0\0").expect("written");
        assert_eq!(read().expect("without the zeros"), Some(b"{3}".to_vec()));
        write_file_atomic(disk.as_ref(), "config/topics.json", b"x").expect("written");
        write_file_atomic(disk.as_ref(), "config/topics.json.bak", b"y").expect("written");
        assert!(read().is_err());
    });
}

#[test]
fn power_cut_takes_what_was_not_synced() {
    let disk = SimDisk::new();
    let file = disk.open("f", Access::Create).expect("made");
    file.allocate(0, 2_048).expect("reserved");
    file.write_at(0, b"synced").expect("written");
    file.sync().expect("synced");
    file.write_at(0, b"UNSYNC").expect("written");
    disk.open("never", Access::CreateUnsynced).expect("made");
    let lost = disk.crash(PowerCut::LoseUnsynced);
    assert_eq!(lost.content("f").expect("there")[..6], *b"synced");
    assert_eq!(lost.paths(), ["f"]);
    let kept = disk.crash(PowerCut::KeepAll);
    assert_eq!(kept.content("f").expect("there")[..6], *b"UNSYNC");
    file.write_at(0, &[9; 2_048]).expect("written");
    let torn = (0..20).map(|seed| disk.crash(PowerCut::TearUnsynced { seed }));
    let sectors: Vec<usize> = torn
        .map(|disk| {
            let content = disk.content("f").expect("there");
            content.chunks(512).filter(|sector| sector.iter().all(|byte| *byte == 9)).count()
        })
        .collect();
    assert!(sectors.iter().any(|count| (1..4).contains(count)), "some are torn: {sectors:?}");
    assert_eq!(
        disk.crash(PowerCut::TearUnsynced { seed: 3 }).content("f"),
        disk.crash(PowerCut::TearUnsynced { seed: 3 }).content("f"),
        "a seed replays"
    );
}

#[test]
fn planned_faults_hit_their_operation() {
    let disk = SimDisk::new();
    let file = disk.open("f", Access::Create).expect("made");
    let fault = remora_store::sim_disk::Fault::Eio;
    disk.plan(FaultPlan::Once { op: disk.ops() + 2, fault });
    file.write_at(0, b"a").expect("the first");
    assert!(file.sync().is_err(), "the second");
    file.sync().expect("the third");
}
