//! The real disk and the simulated one behave alike.

use std::io::ErrorKind;

use isotherm::durable::RealDisk;

use super::*;

fn same_life(disk: &(impl Disk + Clone + 'static), folder: &Path) -> Vec<(String, Vec<u8>)> {
    let life = Life::usual();
    let store = store_in(disk, folder, FaultPoints::default());
    assert_eq!(store.recover(1, &identity(), &Rules::default()), Ok(None));
    for (number, snapshot) in life.snapshots.iter().enumerate() {
        store.commit(1, &identity(), snapshot).expect("it is committed");
        let again = store_in(disk, folder, FaultPoints::default());
        let state = again.recover(1, &identity(), &Rules::default()).expect("it is there");
        assert_eq!(life.number(state.as_ref()), Some(number));
    }
    let names = disk.list(folder).expect("the folder is there");
    names
        .into_iter()
        .map(|name| (name.clone(), disk.read(&folder.join(name)).expect("a file").expect("a file")))
        .collect()
}

#[test]
fn the_same_commits_leave_the_same_files() {
    let real = tempfile::tempdir().expect("a folder");
    let files = same_life(&RealDisk, &real.path().join("deep/state"));
    assert_eq!(files, same_life(&SimulatedDisk::new(64), folder()));
    assert_eq!(files.len(), 2);
}

#[test]
fn each_call_does_the_same() {
    let real = tempfile::tempdir().expect("a folder");
    let disks: [(&dyn Disk, PathBuf); 2] =
        [(&RealDisk, real.path().to_owned()), (&SimulatedDisk::new(4), folder().to_owned())];
    for (disk, above) in disks {
        let folder = above.join("in/state");
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.join(name));
        let kind = |error: std::io::Error| error.kind();
        assert_eq!(disk.list(&folder).map_err(kind), Err(ErrorKind::NotFound));
        assert_eq!(disk.create_new(&a).map(drop).map_err(kind), Err(ErrorKind::NotFound));
        disk.create_folder(&folder).expect("created");
        disk.create_folder(&folder).expect("there already");
        assert_eq!(disk.read(&a).expect("no file"), None);
        assert_eq!(disk.open_append(&a).map(drop).map_err(kind), Err(ErrorKind::NotFound));
        assert_eq!(disk.remove(&a).map_err(kind), Err(ErrorKind::NotFound));
        assert_eq!(disk.rename(&a, &b).map_err(kind), Err(ErrorKind::NotFound));
        let mut file = disk.create_new(&a).expect("created");
        assert_eq!(disk.create_new(&a).map(drop).map_err(kind), Err(ErrorKind::AlreadyExists));
        file.append(b"12345").and_then(|()| file.append(b"678")).and_then(|()| file.sync()).expect("written");
        disk.hard_link(&a, &b).expect("linked");
        assert_eq!(disk.hard_link(&a, &b).map_err(kind), Err(ErrorKind::AlreadyExists));
        disk.truncate(&a, 6).and_then(|()| disk.sync_file(&a)).expect("cut");
        disk.open_append(&b).and_then(|mut file| file.append(b"X")).expect("appended");
        assert_eq!(disk.read(&a).expect("a file").expect("a file"), b"123456X", "two names, one file");
        disk.rename(&b, &c).expect("renamed");
        assert_eq!(disk.list(&folder).expect("a folder"), ["a", "c"]);
        disk.remove(&a).and_then(|()| disk.sync_folder(&folder)).expect("removed");
        assert_eq!(disk.list(&folder).expect("a folder"), ["c"]);
        assert_eq!(disk.list(&above.join("in")).expect("a folder"), ["state"]);
        assert_eq!(disk.read(&c).expect("a file").expect("a file"), b"123456X");
        assert_eq!(disk.network_filesystem(&folder.join("not/yet")).expect("it is asked"), None);
    }
}

#[test]
fn the_simulated_disk_loses_what_was_not_synced() {
    let disk = SimulatedDisk::new(4);
    disk.create_folder(folder()).expect("created");
    let path = folder().join("a");
    let kept = |disk: &SimulatedDisk| {
        let states = crash_states(disk, disk.operations(), 1 << 10, 0);
        let mut kept: Vec<_> = states
            .iter()
            .map(|left| left.files().remove(&path).map(|bytes| String::from_utf8(bytes).unwrap()))
            .collect();
        kept.sort_unstable();
        kept
    };
    let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
    let mut file = disk.create_new(&path).expect("created");
    file.append(b"1234567").expect("written");
    assert_eq!(kept(&disk), [vec![None], some(&["", "\0\0\0\u{0}567", "1234", "1234567"])].concat());
    disk.sync_folder(folder()).expect("synced");
    assert_eq!(kept(&disk), some(&["", "\0\0\0\u{0}567", "1234", "1234567"]));
    file.sync().expect("synced");
    assert_eq!(kept(&disk), some(&["1234567"]));
    // A sync that failed once is not made good by another.
    file.append(b"8").expect("written");
    disk.record();
    disk.fail(0..1, isotherm::proof::simulated::DiskFault::Error(ErrorKind::Other));
    file.sync().expect_err("it fails");
    file.sync().expect("it says so");
    assert_eq!(kept(&disk), some(&["1234567", "12345678"]));
    // The order of one name's changes is kept.
    disk.rename(&path, &folder().join("b")).expect("renamed");
    disk.create_new(&path).expect("created");
    let names: Vec<Vec<_>> = crash_states(&disk, disk.operations(), 1 << 10, 0)
        .iter()
        .map(|left| left.files().into_keys().map(|path| path.file_name().unwrap().to_owned()).collect())
        .collect();
    assert_eq!(
        names.iter().filter(|names| names.len() == 2).count(),
        2,
        "with the renamed file's two contents: {names:?}"
    );
}
