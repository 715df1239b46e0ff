//! 2: pings and pongs; 3: reserved bits; 4: reserved opcodes.

use super::case::{Case, ping_of, text};
use tests::wire::{BINARY, CLOSE, Frame, PING, PONG};

fn ping(payload: impl Into<Vec<u8>>) -> Frame {
    Frame::new(PING, payload)
}

pub(super) fn pings() -> Vec<Case> {
    let strange = [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff];
    let (long, too_long) = (vec![0xfe; 125], vec![0xfe; 126]);
    let unsolicited = || Frame::new(PONG, "unsolicited pong payload");
    let ten = || (0..10).map(|number| format!("payload-{number}"));
    let ten_pongs = |case: Case| ten().fold(case, Case::pong);
    vec![
        Case::new("2.1").send([ping("")]).pong(""),
        Case::new("2.2").send([ping("Hello, world!")]).pong("Hello, world!"),
        Case::new("2.3").send([ping(strange)]).pong(strange),
        Case::new("2.4").send([ping(long.clone())]).pong(long.clone()),
        Case::new("2.5").send([ping(too_long)]).closed(1002),
        Case::new("2.6").chopped(1, [ping(long.clone())]).pong(long),
        Case::new("2.7").send([Frame::new(PONG, "")]),
        Case::new("2.8").send([unsolicited()]),
        Case::new("2.9").send([unsolicited(), ping("ping payload")]).pong("ping payload"),
        ten_pongs(Case::new("2.10").send(ten().map(ping))),
        ten_pongs(Case::new("2.11").chopped(1, ten().map(ping))),
    ]
}

/// A valid message, then a frame that must end the connection, then a ping that must not be answered.
fn good_then(bad: Frame) -> [Frame; 3] {
    [text(ping_of(0)), bad, ping("")]
}

pub(super) fn reserved() -> Vec<Case> {
    let hello = || text("Hello, world!");
    let failed = |case: Case| case.closed(1002);
    let after_a_message = |case: Case| failed(case.answered("pong"));
    let with_bits = || good_then(text(ping_of(0)).reserved(2));
    let mut cases = vec![
        failed(Case::new("3.1").send([hello().reserved(1)])),
        after_a_message(Case::new("3.2").send(with_bits())),
        after_a_message(Case::new("3.3").by_frame(good_then(text(ping_of(0)).reserved(3)))),
        after_a_message(Case::new("3.4").chopped(1, good_then(text(ping_of(0)).reserved(4)))),
        failed(Case::new("3.5").send([Frame::new(BINARY, [0, 0xff, 0xfe]).reserved(5)])),
        failed(Case::new("3.6").send([ping("Hello, world!").reserved(6)])),
        failed(Case::new("3.7").send([Frame::new(CLOSE, "").reserved(7)])),
    ];
    for (group, first) in [(1, 3), (2, 11)] {
        let name = |number: u8| Case::new(format!("4.{group}.{number}"));
        let frame = |number: u8, payload: &str| Frame::new(first + number - 1, payload);
        cases.extend([
            failed(name(1).send([frame(1, "")])),
            failed(name(2).send([frame(2, "reserved opcode payload")])),
            after_a_message(name(3).send(good_then(frame(3, "")))),
            after_a_message(name(4).by_frame(good_then(frame(4, "reserved opcode payload")))),
            after_a_message(name(5).chopped(1, good_then(frame(5, "reserved opcode payload")))),
        ]);
    }
    cases
}

/// Frames that Autobahn's client cannot send.
pub(super) fn more() -> Vec<Case> {
    vec![
        Case::new("a frame without a mask").send([text(ping_of(0)).unmasked()]).closed(1002),
        Case::new("a close frame without a mask").send([Frame::close(1000, b"").unmasked()]).closed(1002),
        // An eight-byte length with the highest bit set.
        Case::new("a length beyond all limits")
            .write([vec![0x81, 0xff], vec![0xff; 8], vec![0; 4]].concat())
            .closed(1009),
    ]
}
