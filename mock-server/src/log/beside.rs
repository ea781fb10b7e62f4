//! The small files beside the data file.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The path of a file beside the data file.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// `FILE-answered`: the number of commits that were answered.
///
/// SQLite takes a write-ahead log with a damaged end for one that ends earlier. This number
/// tells the two apart.
#[derive(Debug)]
pub(super) struct Answered(Option<File>);

impl Answered {
    pub(super) fn path(path: &Path) -> PathBuf {
        beside(path, "-answered")
    }

    /// The number of commits; `None` where there is no such file, or it holds no number.
    pub(super) fn read(path: &Path) -> Option<u64> {
        let mut bytes = [0; 16];
        let mut file = File::open(Self::path(path)).ok()?;
        file.read_exact(&mut bytes).ok()?;
        let (number, check) = bytes.split_at(8);
        let number = u64::from_le_bytes(number.try_into().ok()?);
        let check = u64::from_le_bytes(check.try_into().ok()?);
        (check == !number).then_some(number)
    }

    pub(super) fn open(path: &Path) -> Self {
        let options = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(Self::path(path));
        Self(options.ok())
    }

    /// Writes the number, which never needs more room. A failure only means that less
    /// damage is noticed.
    pub(super) fn write(&mut self, number: u64) {
        if let Some(file) = &mut self.0 {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            bytes[8..].copy_from_slice(&(!number).to_le_bytes());
            let _ = file.seek(SeekFrom::Start(0));
            let _ = file.write_all(&bytes);
        }
    }
}

/// `FILE-reserve`: disk space that only deletion may use.
///
/// Deleting from a SQLite file first adds to its write-ahead log, which a full disk
/// refuses; without a reserve nobody could make room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    pub(super) fn new(path: &Path, bytes: u64) -> Self {
        Self {
            path: beside(path, "-reserve"),
            bytes,
        }
    }

    /// Gives the space back to the disk; returns `true` if there was any.
    pub(super) fn release(&self) -> bool {
        std::fs::remove_file(&self.path).is_ok()
    }

    /// Takes the space if the disk has it.
    pub(super) fn take(&self) {
        if self
            .path
            .metadata()
            .is_ok_and(|data| data.len() >= self.bytes)
        {
            return;
        }
        if self.fill().is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    // Zeros are written, since some file systems only promise the space of a long file.
    fn fill(&self) -> std::io::Result<()> {
        let mut file = File::create(&self.path)?;
        let zeros = vec![0; 64 * 1024];
        let mut left = self.bytes;
        while left > 0 {
            let length = left.min(zeros.len() as u64);
            file.write_all(
                zeros
                    .get(..usize::try_from(length).unwrap_or_default())
                    .unwrap_or_default(),
            )?;
            left -= length;
        }
        Ok(())
    }
}
