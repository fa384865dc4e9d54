//! Whether a folder is on a network filesystem, where locks and fsync may promise more than they keep.

use std::io;
use std::path::Path;

/// The name of the network filesystem that an existing folder is on, if it is on one. Only Linux is asked.
#[cfg(not(target_os = "linux"))]
pub(super) fn filesystem(_folder: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// The name of the network filesystem that an existing folder is on, if it is on one.
#[cfg(target_os = "linux")]
pub(super) fn filesystem(folder: &Path) -> io::Result<Option<String>> {
    let kind = rustix::fs::statfs(folder)?.f_type as u32;
    if kind == FUSE {
        use std::os::unix::fs::MetadataExt;
        let device = std::fs::metadata(folder)?.dev();
        let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        return Ok(fuse_type(&std::fs::read_to_string("/proc/self/mountinfo")?, &device));
    }
    Ok(MAGIC.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| (*name).to_owned()))
}

/// As `statfs(2)` and the kernel's headers number them.
#[cfg(target_os = "linux")]
const MAGIC: [(u32, &str); 10] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
];
#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

/// FUSE serves local filesystems too; these are the ones that are not.
#[cfg(any(target_os = "linux", test))]
const FUSE_NETWORK: [&str; 14] = [
    "sshfs",
    "glusterfs",
    "ceph",
    "s3fs",
    "rclone",
    "gcsfuse",
    "goofys",
    "mount-s3",
    "davfs",
    "curlftpfs",
    "smbnetfs",
    "juicefs",
    "moosefs",
    "seaweedfs",
];

/// The type of the filesystem with this device number in the text of `mountinfo`, if it is one over the network.
#[cfg(any(target_os = "linux", test))]
fn fuse_type(mountinfo: &str, device: &str) -> Option<String> {
    let line = mountinfo.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    let mut behind_dash = line.split(" - ").nth(1)?.split(' ');
    let (kind, source) = (behind_dash.next()?, behind_dash.next().unwrap_or(""));
    // A mount without a subtype has only `fuse` as its type, and its program as its source.
    FUSE_NETWORK.iter().any(|network| kind.contains(network) || source.starts_with(network)).then(|| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fuse_mount_is_a_network_filesystem_by_its_type() {
        let mounts = "36 35 0:52 / /mnt/far rw,nosuid shared:1 - fuse.sshfs me@far:/ rw\n\
                      37 35 0:53 / /mnt/near rw shared:2 - fuse.mergerfs a:b rw\n";
        assert_eq!(fuse_type(mounts, "0:52").as_deref(), Some("fuse.sshfs"));
        assert_eq!(fuse_type(mounts, "0:53"), None);
        assert_eq!(fuse_type(mounts, "0:54"), None);
    }

    #[test]
    fn a_folder_of_this_machine_is_on_none() {
        assert!(filesystem(Path::new("/")).is_ok());
        assert_eq!(filesystem(Path::new("/proc")).expect("it can be asked"), None);
    }
}
