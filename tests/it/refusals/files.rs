//! Files that are not there, are folders, are empty, or are no text.

use super::{ROWS, place, refusals, refused};
use crate::run::{dated, walk};
use std::io::Write;

fn broken_gzip() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(dated(&walk(ROWS)).as_bytes()).expect("in memory");
    let whole = encoder.finish().expect("in memory");
    whole[..whole.len() / 2].to_vec()
}

fn utf_16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

refusals! {
    a_missing_file_is_told_with_the_nearest_name:
        place(), "check godo.csv", "file-missing", ["godo.csv: no such file", "hint: did you mean 'good.csv'?"];
    a_missing_file_without_a_neighbour_asks_for_a_path:
        place(), "fit prices-of-last-year.csv -m ou", "file-missing",
        ["prices-of-last-year.csv: no such file", "hint: give the path of a CSV file, or -"];
    a_folder_is_not_a_file:
        place(), "check .", "file-unreadable", [".: cannot be read", "directory", "hint: this is a folder, not a file: ls ."];
    an_empty_file_has_nothing_to_read:
        place().with("empty.csv", ""), "check empty.csv", "data-empty", ["empty.csv: the file is empty", "hint: a header line"];
    nothing_on_standard_input_is_an_empty_file:
        place(), "check -", "data-empty", ["stdin: the file is empty", "hint: a header line"];
    a_header_alone_is_no_data:
        place().with("head.csv", "date,value\n"), "fit head.csv -m ou", "data-header-only",
        ["head.csv", "no row under it", "hint: at least a few rows"];
    a_picture_is_not_text:
        place().with("pic.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"), "check pic.csv", "data-not-text",
        ["pic.csv: this is not text", "offset", "hint: CSV (UTF-8)"];
    utf_16_is_recognised_and_its_conversion_told:
        place().with("wide.csv", utf_16(&dated(&walk(ROWS)))), "check wide.csv", "data-not-text",
        ["wide.csv: this is not text: byte 0xff at offset 0", "hint: iconv -f UTF-16 -t UTF-8"];
    a_cut_gzip_cannot_be_unpacked:
        place().with("cut.csv.gz", broken_gzip()), "check cut.csv.gz", "data-bad-gzip", ["cut.csv.gz: the gzip stream", "hint: gunzip -t"];
    an_error_names_the_file_as_it_was_typed:
        place().with("empty.csv", ""), "check ./empty.csv", "data-empty", ["./empty.csv: the file is empty"];
}
