//! 6: valid and invalid UTF-8. The sequences from 6.5 on are those of Markus Kuhn's stress test.

use super::case::{Case, message, text};

const GREEK: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
/// A surrogate, and a code point beyond the last.
const SURROGATE: &[u8] = b"\xed\xa0\x80";
const BEYOND: &[u8] = b"\xf4\x90\x80\x80";

/// Sequences under 6 and this number; all of a group are valid, or none.
const SEQUENCES: &[(u32, bool, &[&[u8]])] = &[
    (
        5,
        true,
        &[b"hello\x24world", b"hello\xc2\xa2world", b"hello\xe2\x82\xacworld", b"hello\xf0\xa4\xad\xa2world", GREEK],
    ),
    (7, true, &[b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"]),
    (8, false, &[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]),
    (9, true, &[b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"]),
    (10, false, &[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]),
    (11, true, &[b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"]),
    (16, false, &[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
    (
        17,
        false,
        &[b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"],
    ),
    (
        18,
        false,
        &[b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"],
    ),
    (
        19,
        false,
        &[b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"],
    ),
    (
        20,
        false,
        &[
            SURROGATE,
            b"\xed\xad\xbf",
            b"\xed\xae\x80",
            b"\xed\xaf\xbf",
            b"\xed\xb0\x80",
            b"\xed\xbe\x80",
            b"\xed\xbf\xbf",
        ],
    ),
    (
        21,
        false,
        &[
            b"\xed\xa0\x80\xed\xb0\x80",
            b"\xed\xa0\x80\xed\xbf\xbf",
            b"\xed\xad\xbf\xed\xb0\x80",
            b"\xed\xad\xbf\xed\xbf\xbf",
            b"\xed\xae\x80\xed\xb0\x80",
            b"\xed\xae\x80\xed\xbf\xbf",
            b"\xed\xaf\xbf\xed\xb0\x80",
            b"\xed\xaf\xbf\xed\xbf\xbf",
        ],
    ),
    (
        23,
        true,
        &[
            b"\xef\xbf\xb9",
            b"\xef\xbf\xba",
            b"\xef\xbf\xbb",
            b"\xef\xbf\xbc",
            b"\xef\xbf\xbd",
            b"\xef\xbf\xbe",
            b"\xef\xbf\xbf",
        ],
    ),
];

/// Sequences whose last continuation byte is missing.
const CUT: [&[u8]; 10] = [
    b"\xc0",
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xf8\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xfb\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf",
];

fn octets(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload.chunks(1)
}

/// A text in one frame. Valid UTF-8 is not a message of the protocol, and is answered with an error; invalid UTF-8 ends
/// the connection.
fn plain(group: u32, number: usize, payload: &[u8], is_valid: bool) -> Case {
    let case = Case::new(format!("6.{group}.{}", number + 1)).send([text(payload)]);
    if is_valid { case.answered("error") } else { case.closed(1007) }
}

pub(super) fn cases() -> Vec<Case> {
    let hello = r#"{"type":"ping","note":"Hello-µ@ßöäüàá-UTF-8!!"}"#.as_bytes();
    let greek = [br#"{"type":"ping","note":""#, GREEK, br#""}"#].concat();
    let bad = [GREEK, SURROGATE, b"edited"].concat();
    // Between two characters.
    let (left, right) = hello.split_at(29);
    let mut cases = vec![
        Case::new("6.1.1").send([text("")]).answered("error"),
        Case::new("6.1.2").send(message([&b""[..], b"", b""])).answered("error"),
        Case::new("6.1.3").send(message([&b""[..], br#"{"type":"ping"}"#, b""])).answered("pong"),
        Case::new("6.2.1").send([text(hello)]).answered("pong"),
        Case::new("6.2.2").send(message([left, right])).answered("pong"),
        Case::new("6.2.3").send(message(octets(hello))).answered("pong"),
        Case::new("6.2.4").send(message(octets(&greek))).answered("pong"),
        Case::new("6.3.1").send([text(bad.clone())]).closed(1007),
        Case::new("6.3.2").send(message(octets(&bad))).closed(1007),
    ];
    for (number, middle, rest) in [(1, BEYOND, &b"edited"[..]), (2, &BEYOND[..2], b"\x80\x80edited")] {
        let frames = message([GREEK, middle, rest]);
        let in_three =
            frames.into_iter().fold(Case::new(format!("6.4.{number}")), |case, frame| case.send([frame]).pause());
        cases.push(in_three.closed(1007));
        // The same in one frame that is sent in three pieces.
        let whole = text([GREEK, middle, rest].concat()).bytes();
        let (first, end) = (whole.len() - middle.len() - rest.len(), whole.len() - rest.len());
        let pieces = [&whole[..first], &whole[first..end], &whole[end..]];
        let chopped = pieces
            .into_iter()
            .fold(Case::new(format!("6.4.{}", number + 2)), |case, piece| case.write(piece.to_vec()).pause());
        cases.push(chopped.closed(1007));
    }
    for (group, is_valid, sequences) in SEQUENCES {
        let of_group = sequences.iter().enumerate();
        cases.extend(of_group.map(|(number, sequence)| plain(*group, number, sequence, *is_valid)));
    }
    // All prefixes of a text, some of which end with a complete character.
    cases.extend((1..=GREEK.len()).map(|end| plain(6, end - 1, &GREEK[..end], [2, 5, 7, 9, 11].contains(&end))));
    cases.push(plain(11, 4, BEYOND, false));
    let continuations: &[&[u8]] = &[
        b"\x80",
        b"\xbf",
        b"\x80\xbf",
        b"\x80\xbf\x80",
        b"\x80\xbf\x80\xbf",
        b"\x80\xbf\x80\xbf\x80",
        b"\x80\xbf\x80\xbf\x80\xbf",
    ];
    let all_continuations: Vec<u8> = (0x80..0xbf).collect();
    let unexpected = continuations.iter().copied().chain([&all_continuations[..]]).enumerate();
    cases.extend(unexpected.map(|(number, sequence)| plain(12, number, sequence, false)));
    let starts = [0xc0..0xdf, 0xe0..0xef, 0xf0..0xf7, 0xf8..0xfb, 0xfc..0xfd];
    cases.extend(starts.into_iter().enumerate().map(|(number, bytes)| {
        let lonely: Vec<u8> = bytes.flat_map(|byte| [byte, b' ']).collect();
        plain(13, number, &lonely, false)
    }));
    cases.extend(CUT.iter().enumerate().map(|(number, sequence)| plain(14, number, sequence, false)));
    cases.push(plain(15, 0, &CUT.concat(), false));
    cases.extend(non_characters().enumerate().map(|(number, sequence)| plain(22, number, &sequence, true)));
    cases
}

/// Noncharacters, which are nevertheless valid in UTF-8: the last two code points of each plane.
fn non_characters() -> impl Iterator<Item = Vec<u8>> {
    let planes = (0..=16_u32).flat_map(|plane| [plane << 16 | 0xfffe, plane << 16 | 0xffff]);
    planes.filter_map(char::from_u32).map(|letter| letter.to_string().into_bytes())
}
