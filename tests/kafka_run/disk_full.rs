//! The disk of the state folder is full for a while: a small filesystem of its own, mounted over it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::Fixture;
use super::broker::{Broker, skip_here};
use super::program::results;
use super::watched::{PARTITION_BRANCHES, Watched, assert_told, outages};

const FULL: &str = "No space left on device";

/// A filesystem in memory, over the state folder of a fixture; gone with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`: not everybody may mount, which was said.
    fn mount(folder: &Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            Ok(output) => {
                skip_here(&format!("cannot mount: {}", String::from_utf8_lossy(&output.stderr).trim()));
                None
            }
            Err(error) => {
                skip_here(&format!("mount: {error}"));
                None
            }
        }
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes what room there is.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).expect("a name needs no room");
        while file.write(&[7; 4096]).is_ok() {}
    }

    /// Takes the room for names, too. A file that cannot even be begun gives none back to the try of another branch, as one
    /// does that cannot be written to its end.
    fn fill_names(&self) {
        self.fill();
        let mut names = 0..;
        while File::create(self.0.join(format!("ballast-{}", names.next().expect("endless")))).is_ok() {}
    }

    fn free(&self) {
        for entry in std::fs::read_dir(&self.0).expect("it can be listed") {
            let path = entry.expect("it can be listed").path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ballast")) {
                std::fs::remove_file(path).expect("it is there");
            }
        }
    }

    /// Keeps it full until this program has told of so many outages: a replaced file gives room back. Not before the first of
    /// them: what a lock gives back as it is written anew is its own.
    fn fill_until_told(&self, fill: fn(&Self), running: &mut Watched, count: usize) {
        running.wait_for("it says that the disk is full", |it| {
            let told = outages(&it.told());
            if told > 0 {
                fill(self);
            }
            told >= count
        });
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(), "it can be unmounted");
    }
}

/// How soon it tries again is its own affair, and not told: an outage is said once.
fn many_tries_later(running: &mut Watched) {
    let begun = Instant::now();
    running.wait_for("some more time", |_| begun.elapsed() > Duration::from_secs(1));
}

#[test]
fn counting_waits_for_room_and_goes_on_by_itself() {
    let Some(broker) = Broker::shared() else { return };
    // With rejected records, which have a file of their own.
    let fixture = Fixture::new(broker).set("source.simulate.stations=40").set("source.simulate.duplicates_share=0.01");
    let produce = fixture.beside();
    let Some(disk) = SmallDisk::mount(fixture.folder.path()) else { return };
    produce.program().set("source.simulate.days=300").run_well(&["produce"]);
    fixture.program().run_well(&["consume", "--until-caught-up"]);
    produce.program().run_well(&["produce"]);

    let before = results(fixture.folder.path());
    disk.fill();
    let mut running = Watched::start(&fixture.program(), &["consume", "--until-caught-up"]);
    disk.fill_until_told(SmallDisk::fill, &mut running, 4);
    assert!(results(fixture.folder.path()) == before, "the old files are whole");
    disk.free();
    assert_told(&running.end(0), &PARTITION_BRANCHES, FULL);
    fixture.assert_undisturbed("full while counting");
}

#[test]
fn producing_waits_for_room_and_sends_nothing_again() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker)
        .set("source.simulate.stations=40")
        .set("source.simulate.days=1500")
        .set("source.simulate.pace_ms=2")
        // A day at a time, so that there is more to count behind what is in flight when the disk is full.
        .set("produce.batch_records=40")
        .set("produce.in_flight_max=1")
        // Seldom, so that no partition has written the last day already when the disk is full, which is soon after a commit.
        .set("consume.commit_interval_ms=2000");
    let Some(disk) = SmallDisk::mount(fixture.folder.path()) else { return };
    let mut running = Watched::start(&fixture.program(), &["run"]);
    running.wait_for("a commit of each branch, and more behind it", |_| {
        let offsets = fixture.offsets();
        let is_committed = offsets.len() == 4 && offsets.values().all(|offset| *offset > 0);
        is_committed && fixture.ends().iter().all(|(number, end)| *end > offsets[number] + 40)
    });
    let branches = [&["ingest"], &PARTITION_BRANCHES[..]].concat();
    disk.fill_names();
    disk.fill_until_told(SmallDisk::fill_names, &mut running, branches.len());
    many_tries_later(&mut running);
    disk.free();
    assert_told(&running.end(0), &branches, FULL);
    let stations = fixture.stations();
    assert_eq!(stations.len(), 40);
    assert!(stations.values().all(|station| station["count"] == 1500), "each day once");
    let sent: u64 = fixture.ends().values().sum();
    assert_eq!(sent, 1500 * 40, "what was sent before the disk was full is found in the log");
    fixture.assert_undisturbed("full while producing");
}

#[test]
fn nothing_is_sent_before_there_is_room_for_the_cursor() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.create_topic();
    let Some(disk) = SmallDisk::mount(fixture.folder.path()) else { return };
    // Room for the lock alone.
    std::fs::write(fixture.folder.path().join("source.lock"), "nobody").expect("there is room");
    disk.fill();
    let mut running = Watched::start(&fixture.program(), &["produce"]);
    running.wait_for("it says that the disk is full", |it| outages(&it.told()) > 0);
    many_tries_later(&mut running);
    assert_eq!(fixture.ends().values().sum::<u64>(), 0);
    disk.free();
    assert_told(&running.end(0), &["ingest"], FULL);
    assert_eq!(fixture.ends().values().sum::<u64>(), 10_000);
}
