//! Files that are written to under the name that the user gives, on whose way there may be links, but none of somebody else.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

/// Opens a file to write to it, or makes it; what it holds stays.
///
/// A symbolic link of one's own or of root is followed, such as `/dev/stdout`. One of somebody else in a folder that others
/// can write to may lead to any file of the user, to be written over; Linux has `fs.protected_symlinks` against that, which
/// may be off.
///
/// # Errors
///
/// It cannot be opened, or is a link of somebody else.
pub(super) fn open(path: &Path) -> io::Result<File> {
    check_way(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    match options.clone().custom_flags(flags).open(path) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            let owner = fs::symlink_metadata(path)?.uid();
            if is_trusted(owner) {
                options.open(path)
            } else {
                Err(io::Error::other(format!("is a symbolic link of another user (uid {owner})")))
            }
        }
        opened => opened,
    }
}

/// That no folder on the way to a file is a symbolic link of somebody else.
///
/// # Errors
///
/// One is.
pub(super) fn check_way(path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        let link = fs::symlink_metadata(folder).ok().filter(|data| data.is_symlink());
        if let Some(owner) = link.map(|data| data.uid()).filter(|owner| !is_trusted(*owner)) {
            let folder = folder.display();
            return Err(io::Error::other(format!("{folder} is a symbolic link of another user (uid {owner})")));
        }
    }
    Ok(())
}

/// Whether a link of this user is followed: of one's own, of root, or of who owns the root folder, who is root by another
/// number in a user namespace.
fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == geteuid().as_raw() || fs::metadata("/").is_ok_and(|data| data.uid() == owner)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{lchown, symlink};

    use super::*;

    #[test]
    fn own_links_are_followed_and_those_of_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| folder.path().join(name));
        symlink(&target, &link).unwrap();
        open(&link).unwrap().write_all(b"by the link").unwrap();
        open(&target).unwrap().write_all(b"BY").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "BY the link");
        assert!(is_trusted(0) && is_trusted(geteuid().as_raw()) && !is_trusted(geteuid().as_raw() + 1));
        if lchown(&link, Some(65_534), None).is_ok() {
            let refused = open(&link).unwrap_err().to_string();
            assert_eq!(refused, "is a symbolic link of another user (uid 65534)");
        }
        assert!(open(folder.path()).is_err());
        let [inside, way] = ["inside", "way"].map(|name| folder.path().join(name));
        fs::create_dir(&inside).unwrap();
        symlink(&inside, &way).unwrap();
        assert!(check_way(&way.join("file")).is_ok() && open(&way.join("file")).is_ok());
        if lchown(&way, Some(65_534), None).is_ok() {
            let refused = open(&way.join("file")).unwrap_err().to_string();
            assert_eq!(refused, format!("{} is a symbolic link of another user (uid 65534)", way.display()));
        }
    }
}
