//! 5: messages in fragments, with control frames in between, and out of order.

use super::case::{Case, parts, ping_of, text};
use tests::wire::{CONTINUATION, Frame, PING, PONG};

fn continued(payload: impl Into<Vec<u8>>) -> Frame {
    Frame::new(CONTINUATION, payload)
}

/// In one piece, by frame, and byte by byte, under three consecutive numbers.
fn three_ways(first: u32, frames: &[Frame], expecting: impl Fn(Case) -> Case) -> [Case; 3] {
    let name = |number: u32| Case::new(format!("5.{number}"));
    let frames = || frames.iter().cloned();
    [
        expecting(name(first).send(frames())),
        expecting(name(first + 1).by_frame(frames())),
        expecting(name(first + 2).chopped(1, frames())),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let [one, two] = parts::<2>(40);
    let ping = |payload: &str| Frame::new(PING, payload);
    let split = |opcode| [Frame::new(opcode, "fragment1").more(), continued("fragment2")];
    let answered = |case: Case| case.answered("pong");
    let failed = |case: Case| case.closed(1002);
    let mut cases = vec![failed(Case::new("5.1").send(split(PING))), failed(Case::new("5.2").send(split(PONG)))];
    cases.extend(three_ways(3, &[text(one.clone()).more(), continued(two.clone())], answered));
    let with_ping = [text(one.clone()).more(), ping("ping payload"), continued(two.clone())];
    cases.extend(three_ways(6, &with_ping, |case| answered(case.pong("ping payload"))));
    let nothing = "non-continuation payload";
    cases.extend(three_ways(9, &[continued(nothing), text(ping_of(0))], failed));
    cases.extend(three_ways(12, &[continued(nothing).more(), text(ping_of(0))], failed));
    let good = [text(one.clone()).more(), continued(two.clone())];
    let bad = [continued("fragment3").more(), text("fragment4")];
    cases.push(failed(answered(Case::new("5.15").send(good.into_iter().chain(bad)))));
    for (number, first) in [(16, continued("fragment1").more()), (17, continued("fragment1"))] {
        let frames = [first, text("fragment2").more(), continued("fragment3")];
        let twice = frames.iter().cloned().chain(frames.iter().cloned());
        cases.push(failed(Case::new(format!("5.{number}")).send(twice)));
    }
    cases.push(failed(Case::new("5.18").send([text(one).more(), text(two)])));
    let [a, b, c, d, e] = parts::<5>(100);
    let first = [text(a).more(), continued(b).more(), ping("pongme 1!")];
    let second = [continued(c).more(), continued(d).more(), ping("pongme 2!"), continued(e)];
    let expecting = |case: Case| answered(case.pong("pongme 1!").pong("pongme 2!"));
    cases.push(expecting(Case::new("5.19").send(first.clone()).await_pong().send(second.clone())));
    cases.push(expecting(Case::new("5.20").by_frame(first).await_pong().pause().by_frame(second)));
    cases
}
