//! Bytes to text: gzip, Parquet, byte order marks, encodings. Knows nothing of rows or columns.

use crate::base::{Error, Limit, Result};
use std::borrow::Cow;
use std::io::Read;

/// A stream of gzip that unpacks to no more than this is let be, however well it was packed.
const HARMLESS: usize = 64 << 20;
/// Bytes unpacked at a time.
const PIECE: usize = 1 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const PARQUET: &[u8] = b"PAR1";
const UTF8_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// The text of a file and what had to be done to get it.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub text: Cow<'a, str>,
    pub notes: Vec<String>,
}

/// UTF-8 text out of plain or gzipped bytes.
///
/// # Errors
/// `DataEmpty`, `DataBadGzip`, `NoParquet`, and `DataNotText` for control bytes (UTF-16 has them too). Bytes that are text but not
/// UTF-8 are read as Latin-1, and a note says so.
pub(super) fn decode<'a>(name: &str, bytes: &'a [u8]) -> Result<Text<'a>> {
    let mut notes = Vec::new();
    let mut bytes = Cow::Borrowed(bytes);
    if bytes.starts_with(&GZIP) {
        bytes = Cow::Owned(gunzip(name, &bytes, Limit::UnpackedBytes.most())?);
        notes.push("gzip, unpacked".to_string());
    }
    if bytes.starts_with(&GZIP) && !notes.is_empty() {
        return Err(Error::DataBadGzip { name: name.into(), reason: "what it holds is packed once more".into() });
    }
    if bytes.starts_with(PARQUET) {
        bytes = Cow::Owned(super::parquet::to_csv(name, &bytes)?);
        notes.push("Parquet, read as a table of text".to_string());
    }
    if bytes.starts_with(&UTF8_MARK) {
        bytes = match bytes {
            Cow::Borrowed(b) => Cow::Borrowed(&b[UTF8_MARK.len()..]),
            Cow::Owned(b) => Cow::Owned(b[UTF8_MARK.len()..].to_vec()),
        };
        notes.push("UTF-8 byte order mark, skipped".to_string());
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::DataEmpty { name: name.into() });
    }
    refuse_binary(name, &bytes)?;
    let mut text = utf8_or_latin1(bytes, &mut notes);
    if !text.contains('\n') && text.contains('\r') {
        text = Cow::Owned(text.replace('\r', "\n"));
        notes.push("lines end in a bare CR".to_string());
    }
    Ok(Text { text, notes })
}

/// A look at the beginning of a stream, which may have no end: text, or packed text that does not unpack to too much.
///
/// # Errors
/// `DataNotText` for bytes that no text has, also packed; `OverLimit` for a bomb. Parquet is not looked into.
pub fn glance(name: &str, beginning: &[u8]) -> Result<()> {
    let mut unpacked = Vec::new();
    let looked_at = match beginning.starts_with(&GZIP) {
        true => {
            // That it breaks off here says nothing.
            let _broken = unpack(name, beginning, Limit::UnpackedBytes.most(), &mut unpacked)?;
            &unpacked
        }
        false => beginning,
    };
    let is_packed = looked_at.starts_with(&GZIP) || looked_at.starts_with(PARQUET);
    if is_packed { Ok(()) } else { refuse_binary(name, looked_at) }
}

/// Control bytes, and the marks of UTF-16, which has them too.
fn refuse_binary(name: &str, bytes: &[u8]) -> Result<()> {
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    match if is_utf16 { Some(0) } else { bytes.iter().position(|b| is_control(*b)) } {
        Some(offset) => Err(Error::DataNotText { name: name.into(), byte: bytes[offset], offset }),
        None => Ok(()),
    }
}

/// Control characters that no text file holds (tab, line feed and carriage return do).
fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn utf8_or_latin1<'a>(bytes: Cow<'a, [u8]>, notes: &mut Vec<String>) -> Cow<'a, str> {
    let owned = match bytes {
        Cow::Borrowed(b) => match std::str::from_utf8(b) {
            Ok(text) => return Cow::Borrowed(text),
            Err(_) => b.to_vec(),
        },
        Cow::Owned(b) => match String::from_utf8(b) {
            Ok(text) => return Cow::Owned(text),
            Err(error) => error.into_bytes(),
        },
    };
    notes.push("text is not UTF-8; read as Latin-1".to_string());
    // Latin-1 is the first 256 code points of Unicode.
    Cow::Owned(owned.iter().map(|b| char::from(*b)).collect())
}

fn gunzip(name: &str, bytes: &[u8], limit: u64) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    match unpack(name, bytes, limit, &mut unpacked)? {
        Ok(()) => Ok(unpacked),
        Err(error) => Err(Error::DataBadGzip { name: name.into(), reason: error.to_string() }),
    }
}

/// Unpacked piece by piece, so that a bomb is refused before it has grown; what was unpacked of a broken stream is kept.
fn unpack(name: &str, bytes: &[u8], limit: u64, unpacked: &mut Vec<u8>) -> Result<std::io::Result<()>> {
    let mut stream = flate2::bufread::MultiGzDecoder::new(bytes);
    loop {
        let before = unpacked.len();
        let read = stream.by_ref().take(PIECE as u64).read_to_end(unpacked);
        if unpacked.len() as u64 > limit {
            return Err(Limit::UnpackedBytes.over(None, name));
        }
        let packed = bytes.len() - stream.get_ref().len();
        let ratio = unpacked.len() as f64 / packed.max(1) as f64;
        if unpacked.len() > HARMLESS && !Limit::GzipRatio.allows(ratio) {
            return Err(Limit::GzipRatio.over(Some(ratio.ceil()), name));
        }
        if read.is_err() || unpacked.len() == before {
            return Ok(read.map(|_| ()));
        }
    }
}

#[cfg(test)]
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes every byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_unpacked_and_a_broken_stream_is_an_error() {
        let packed = gzip(b"a,b\n1,2\n");
        let text = decode("x.gz", &packed).expect("a sound stream");
        assert_eq!(text.text, "a,b\n1,2\n");
        let error = decode("x.gz", &packed[..packed.len() - 6]);
        assert!(matches!(error, Err(Error::DataBadGzip { .. })));
    }

    #[test]
    fn a_gzip_bomb_stops_at_the_limit() {
        let error = gunzip("bomb.gz", &gzip(&vec![b'1'; 3 << 20]), 1 << 20);
        assert_eq!(error, Err(Limit::UnpackedBytes.over(None, "bomb.gz")));
    }

    #[test]
    fn what_grows_too_much_is_refused_long_before_the_limit() {
        let packed = gzip(&vec![b'1'; 66 << 20]);
        let error = gunzip("bomb.gz", &packed, 1 << 30);
        assert!(
            matches!(error, Err(Error::OverLimit { limit: Limit::GzipRatio, asked: Some(_), .. })),
            "{:?}",
            error.map(|b| b.len())
        );
        // The same in members of a megabyte each.
        let member = gzip(&vec![b'1'; 1 << 20]);
        let error = gunzip("bomb.gz", &member.repeat(66), 1 << 30);
        assert!(matches!(error, Err(Error::OverLimit { limit: Limit::GzipRatio, .. })), "{:?}", error.map(|b| b.len()));
    }

    #[test]
    fn a_gzip_within_a_gzip_is_refused_and_members_are_joined() {
        let inner = gzip(b"a,b\n1,2\n");
        assert!(matches!(decode("x.gz", &gzip(&inner)), Err(Error::DataBadGzip { .. })));
        let members = [gzip(b"a,b\n"), gzip(b""), gzip(b"1,2\n")].concat();
        assert_eq!(decode("x.gz", &members).expect("members").text, "a,b\n1,2\n");
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf16_is_refused() {
        assert_eq!(decode("m", b"\xef\xbb\xbfa\n1").expect("text").text, "a\n1");
        for bytes in [b"\xff\xfea\0\n\0".as_slice(), b"\xfe\xff\0a\0\n"] {
            assert!(matches!(decode("m", bytes), Err(Error::DataNotText { offset: 0, .. })));
        }
    }

    #[test]
    fn binary_is_refused_at_its_first_control_byte() {
        let error = decode("m", b"a,b\n1,\0\n");
        assert_eq!(error.err(), Some(Error::DataNotText { name: "m".into(), byte: 0, offset: 6 }));
    }

    #[test]
    fn nothing_and_white_space_are_empty() {
        for bytes in [b"".as_slice(), b" \r\n\n", b"\xef\xbb\xbf\n"] {
            assert!(matches!(decode("m", bytes), Err(Error::DataEmpty { .. })));
        }
    }

    #[test]
    fn latin1_is_read_and_said() {
        let text = decode("m", b"temp\xe9rature\n1\n").expect("text");
        assert_eq!(text.text, "température\n1\n");
        assert!(text.notes[0].contains("Latin-1"));
    }

    #[test]
    fn old_mac_line_ends_are_lines() {
        assert_eq!(decode("m", b"a\r1\r2").expect("text").text, "a\n1\n2");
    }
}
