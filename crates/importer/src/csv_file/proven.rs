//! A file that is digested while it is read, so that who goes on in it later can prove that it is the same up to there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use cutover_core::Sha256Sum;
use cutover_core::records::FilePlace;

/// How much is read at once where nothing but the digest is wanted.
const STRIDE: usize = 256 << 10;

/// A file and the digest of what was read of it. Bytes are digested once, in their order, however often they are read; who
/// seeks stays within what was read.
#[derive(Debug)]
pub(crate) struct ProvenFile {
    file: File,
    /// Of the bytes before `digested`.
    sum: Sha256Sum,
    digested: u64,
    /// What was read behind those: as much as the reader's buffer, and a record.
    ahead: Vec<u8>,
    /// Where the file is read next.
    at: u64,
}

impl ProvenFile {
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            sum: Sha256Sum::default(),
            digested: 0,
            ahead: Vec::new(),
            at: 0,
        }
    }

    /// Reads a new file up to the place, and returns whether it is what it was there. Then it is at its start again.
    ///
    /// `None` when nobody wants to know any more.
    pub(super) fn is_same_up_to(
        &mut self,
        place: &FilePlace,
        is_wanted: impl Fn() -> bool,
    ) -> io::Result<Option<bool>> {
        let mut left = u64::try_from(place.byte).unwrap_or(0);
        let mut buffer = vec![0; STRIDE];
        while left > 0 {
            if !is_wanted() {
                return Ok(None);
            }
            let most = usize::try_from(left).map_or(STRIDE, |left| left.min(STRIDE));
            let read = self.file.read(&mut buffer[..most])?;
            if read == 0 {
                return Ok(Some(false));
            }
            self.sum.add(&buffer[..read]);
            self.digested += read as u64;
            left -= read as u64;
        }
        self.at = self.file.seek(SeekFrom::Start(0))?;
        Ok(Some(self.sum.so_far() == place.digest))
    }

    /// The digest of the bytes before `byte`, which have all been read. Later ones lie further behind.
    pub(super) fn digest_before(&mut self, byte: u64) -> String {
        let more = usize::try_from(byte.saturating_sub(self.digested)).unwrap_or(usize::MAX);
        let more = more.min(self.ahead.len());
        self.sum.add(&self.ahead[..more]);
        self.ahead.drain(..more);
        self.digested += more as u64;
        self.sum.so_far()
    }

    /// Ends of lines at `byte`, which was read and not digested yet: of empty lines, and the second half of a `\r\n`.
    pub(super) fn empty_lines_at(&self, byte: u64) -> u64 {
        let at = usize::try_from(byte.saturating_sub(self.digested)).unwrap_or(usize::MAX);
        let ends = self.ahead.get(at..).unwrap_or_default().iter();
        let ends = ends.take_while(|byte| matches!(byte, b'\r' | b'\n'));
        ends.filter(|byte| **byte == b'\n').count() as u64
    }
}

impl Read for ProvenFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        // What was read before is not kept again: the header, where one goes on further down.
        let known = (self.digested + self.ahead.len() as u64).saturating_sub(self.at);
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(read);
        self.ahead.extend_from_slice(&buffer[known..read]);
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for ProvenFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &[u8]) -> ProvenFile {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        ProvenFile::new(file)
    }

    fn sum(bytes: &[u8]) -> String {
        let mut sum = Sha256Sum::default();
        sum.add(bytes);
        sum.so_far()
    }

    fn read(from: &mut ProvenFile, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0; bytes];
        from.read_exact(&mut buffer).unwrap();
        buffer
    }

    #[test]
    fn bytes_are_digested_once_however_often_they_are_read() {
        let mut first = file(b"header\none\ntwo\n");
        read(&mut first, 13);
        assert_eq!((first.empty_lines_at(6), first.empty_lines_at(7)), (1, 0));
        assert_eq!(first.digest_before(7), sum(b"header\n"));
        let digest = first.digest_before(11);
        assert_eq!(digest, sum(b"header\none\n"));

        let place = FilePlace {
            byte: 11,
            line: 3,
            digest,
        };
        let mut later = file(b"header\none\ntwo and\nthree\n");
        assert_eq!(later.is_same_up_to(&place, || true).unwrap(), Some(true));
        // The header is read with a large buffer, then the rest.
        assert_eq!(read(&mut later, 15), b"header\none\ntwo ");
        later.seek(SeekFrom::Start(11)).unwrap();
        assert_eq!(read(&mut later, 8), b"two and\n");
        assert_eq!(later.digest_before(19), sum(b"header\none\ntwo and\n"));

        for other in [&b"header\nonE\ntwo\n"[..], b"header\none"] {
            assert_eq!(file(other).is_same_up_to(&place, || true).unwrap(), Some(false));
        }
        assert_eq!(
            file(b"header\none\n").is_same_up_to(&place, || false).unwrap(),
            None
        );
    }
}
