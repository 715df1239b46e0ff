//! The messages of the client protocol: JSON texts over a WebSocket, the same on every host.

use super::ports::Pushed;
use bytes::Bytes;
use domain::columns::Row;
use domain::name::{self, DEFAULT_OUTFALL, NameError};
use domain::reading::{Flags, Mark, Qualifier, sample_id};
use domain::time::{self, TimeKind};
use domain::unit::{DEFAULT_UNIT, MAX_UNIT_BYTES, Unit};
use serde_json::{Map, Value, json};

/// The largest message that any host accepts on the wire, in bytes: API Gateway's limit. A larger one ends the
/// connection with close code 1009; smaller ones above `OW_SC_WS_MAX_MESSAGE_BYTES` are answered.
pub const MAX_WIRE_BYTES: usize = 128 * 1024;

/// The client's messages and their effects, as the documentation page shows them.
pub const MESSAGES: &[(&str, &str)] = &[
    (
        r#"{"time":1.0,"species":"SO4","concentration":251.2}"#,
        "Publishes a reading. Optional: unit (mg/L), qualifier (=, <, >), outfall (001), site. It is stored, judged, \
         and reaches every other subscriber as the same object with type \"reading\", site and seq.",
    ),
    (
        r#"{"type":"subscribe","site":"default","after":123}"#,
        "Switches to a site: sends everything after seq 123 that is still kept (24 hours), then live events, without a \
         gap or a repeat. Without `after`, live events only. Answered with {\"type\":\"subscribed\",\"site\",\"seq\"}: \
         the next event has a higher seq. \"lost\" says how many events were no longer kept, \"reset\" that `after` lay \
         in the future.",
    ),
    (r#"{"type":"ping"}"#, r#"Answered with {"type":"pong"}."#),
];

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// More messages in a second than allowed.
    RateLimited,
    /// Longer than allowed.
    TooLarge,
    /// Not a message of the protocol.
    BadMessage,
    /// No valid token.
    Unauthorized,
    /// The reading could not be stored.
    Unavailable,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 5] =
        [Self::RateLimited, Self::TooLarge, Self::BadMessage, Self::Unauthorized, Self::Unavailable];

    /// The code in frames.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::BadMessage => "bad_message",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
        }
    }

    /// The meaning, for the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::RateLimited => "More messages a second than OW_SC_WS_MSGS_PER_SEC; send it again later.",
            Self::TooLarge => "Longer than OW_SC_WS_MAX_MESSAGE_BYTES, in bytes received.",
            Self::BadMessage => {
                "Not JSON, or not a message of this protocol, or a reading that cannot be stored; the detail says where and why."
            }
            Self::Unauthorized => "The server wants a token: the upgrade is refused with status 401.",
            Self::Unavailable => "The reading was not stored; send it again later.",
        }
    }
}

/// The frame that says why a message was refused.
pub fn error(code: Code, detail: &str) -> String {
    json!({"type": "error", "code": code.as_str(), "detail": detail}).to_string()
}

/// The answer to a ping.
pub fn pong() -> String {
    json!({"type": "pong"}).to_string()
}

/// The answer to a subscription. It starts after sequence number `from`; `lost` is how many events the client has
/// missed that have expired.
pub fn subscribed(site: &str, from: u64, lost: u64, reset: bool) -> String {
    let mut frame = json!({"type": "subscribed", "site": site, "seq": from});
    if lost > 0 {
        frame["lost"] = json!(lost);
    }
    if reset {
        frame["reset"] = json!(true);
    }
    frame.to_string()
}

/// Packs events into messages, in order: a single event is sent as it is, several as JSON arrays of at most
/// [`MAX_WIRE_BYTES`].
pub fn messages(events: &[&Pushed]) -> Vec<Bytes> {
    let mut messages = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let mut bytes = 1;
        let fitting = rest.iter().take_while(|event| {
            // Each event adds a comma or bracket.
            bytes += event.frame.len() + 1;
            bytes <= MAX_WIRE_BYTES
        });
        let (now, later) = rest.split_at(fitting.count().max(1));
        messages.push(match now {
            [only] if only.frame.len() > MAX_WIRE_BYTES => stand_in(only.seq),
            [only] => only.frame.clone(),
            several => array(several),
        });
        rest = later;
    }
    messages
}

fn array(events: &[&Pushed]) -> Bytes {
    let mut text = Vec::with_capacity(events.iter().map(|event| event.frame.len() + 1).sum::<usize>() + 1);
    for (index, event) in events.iter().enumerate() {
        text.push(if index == 0 { b'[' } else { b',' });
        text.extend_from_slice(&event.frame);
    }
    text.push(b']');
    text.into()
}

/// Replaces an event that is too large for a message: its sequence number, and where to read it.
fn stand_in(seq: u64) -> Bytes {
    json!({"type": "omitted", "seq": seq, "all": "/api/streams"}).to_string().into()
}

/// A message from a client.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A reading.
    Publish(Box<Published>),
    /// A subscription.
    Subscribe {
        /// The site; the current one if absent.
        site: Option<String>,
        /// Replay everything after this event first.
        after: Option<u64>,
    },
    /// A ping.
    Ping,
}

/// A reading that a client publishes.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The site, if the reading names one.
    pub site: Option<String>,
    /// The outfall.
    pub outfall: String,
    /// The parameter.
    pub parameter: String,
    /// The unit.
    pub unit: String,
    /// Time, value and qualifier; the unit index in the flags is 0.
    pub row: Row,
    /// The received object, with a `timestamp`.
    pub fields: Map<String, Value>,
    /// The length of the message, in bytes.
    pub bytes: usize,
}

/// Parses a message, or says what is wrong with it.
pub fn parse(text: &[u8]) -> Result<Message, String> {
    let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let Value::Object(object) = value else { return Err("a JSON object is expected".into()) };
    match object.get("type") {
        None => publish(object, text.len()),
        Some(Value::String(kind)) => match kind.as_str() {
            "reading" => publish(object, text.len()),
            "subscribe" => subscribe(&object),
            "ping" => Ok(Message::Ping),
            other => Err(format!("type: reading, subscribe or ping is expected, found {other:.40}")),
        },
        Some(_) => Err("type: a text is expected".into()),
    }
}

fn subscribe(object: &Map<String, Value>) -> Result<Message, String> {
    let after = match object.get("after") {
        None | Some(Value::Null) => None,
        Some(after) => Some(after.as_u64().ok_or("after: a whole number, 0 or more, is expected")?),
    };
    Ok(Message::Subscribe { site: optional(object, "site", name::check)?, after })
}

fn publish(mut object: Map<String, Value>, bytes: usize) -> Result<Message, String> {
    let (time, kind) = moment(required(&object, "time", "time")?)?;
    let parameter_key = if object.contains_key("species") { "species" } else { "parameter" };
    let parameter = required(&object, parameter_key, "species")?.as_str().ok_or("species: a text is expected")?;
    let parameter = name::check(parameter).map_err(|error| format!("species: {error}"))?.to_owned();
    let value_key = if object.contains_key("concentration") { "concentration" } else { "value" };
    let value = required(&object, value_key, "concentration")?;
    let value = value.as_f64().filter(|value| value.is_finite()).ok_or("concentration: a number is expected")?;
    let outfall = optional(&object, "outfall", name::check)?.unwrap_or_else(|| DEFAULT_OUTFALL.into());
    let mut flags = Flags::new(qualifier(&object)?, kind, None, 0);
    if replaces(&object)? {
        flags = flags.with(Mark::Replaces);
    }
    let sample = optional(&object, "sample_id", name::check)?.map_or(0, |id| sample_id(&id));
    let published = Published {
        site: optional(&object, "site", name::check_site)?,
        outfall,
        parameter,
        unit: unit(&object)?,
        row: Row { time, value, flags, limit: 0.0, sample },
        fields: Map::new(),
        bytes,
    };
    if object.get("timestamp").is_none_or(Value::is_null) {
        object.insert("timestamp".into(), time::rfc3339(time::now()).into());
    }
    Ok(Message::Publish(Box::new(Published { fields: object, ..published })))
}

fn required<'a>(object: &'a Map<String, Value>, key: &str, shown: &str) -> Result<&'a Value, String> {
    object.get(key).ok_or_else(|| format!("{shown}: is missing"))
}

fn moment(value: &Value) -> Result<(i64, TimeKind), String> {
    let read = match value {
        Value::Number(hours) => time::from_hours(hours.as_f64().unwrap_or(f64::NAN)).map(|t| (t, TimeKind::Hours)),
        // A number of hours must be a number; as a text it would be ambiguous.
        Value::String(text) if text.trim().parse::<f64>().is_err() => time::from_query(text),
        _ => Err(time::TimeError::Malformed),
    };
    read.map_err(|error| format!("time: {error}"))
}

fn optional(
    object: &Map<String, Value>,
    key: &str,
    check: fn(&str) -> Result<&str, NameError>,
) -> Result<Option<String>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            check(text).map(|name| Some(name.to_owned())).map_err(|error| format!("{key}: {error}"))
        }
        Some(_) => Err(format!("{key}: a text is expected")),
    }
}

/// Whether a reading replaces everything at its time; otherwise it is added, or replaces the one with its sample id.
fn replaces(object: &Map<String, Value>) -> Result<bool, String> {
    match object.get("replaces") {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| "replaces: true or false is expected".into()),
    }
}

fn qualifier(object: &Map<String, Value>) -> Result<Qualifier, String> {
    match object.get("qualifier") {
        None | Some(Value::Null) => Ok(Qualifier::Equal),
        Some(value) => {
            let parsed = value.as_str().and_then(Qualifier::parse);
            parsed.ok_or_else(|| "qualifier: one of = < > is expected".into())
        }
    }
}

fn unit(object: &Map<String, Value>) -> Result<String, String> {
    match object.get("unit") {
        None | Some(Value::Null) => Ok(DEFAULT_UNIT.into()),
        Some(Value::String(text)) if text.len() <= MAX_UNIT_BYTES && !text.chars().any(char::is_control) => {
            Ok(Unit::parse(text).as_str().to_owned())
        }
        Some(_) => Err(format!("unit: a text of at most {MAX_UNIT_BYTES} bytes is expected")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(seq: u64, length: usize) -> Pushed {
        Pushed { seq, frame: vec![b'1'; length].into(), origin: None, is_alerts: false }
    }

    fn lengths(sizes: &[usize]) -> Vec<usize> {
        let events: Vec<_> = sizes.iter().zip(1..).map(|(size, seq)| event(seq, *size)).collect();
        messages(&events.iter().collect::<Vec<_>>()).iter().map(Bytes::len).collect()
    }

    #[test]
    fn events_share_messages_up_to_what_a_message_may_have() {
        const HALF: usize = MAX_WIRE_BYTES / 2;
        assert!(lengths(&[]).is_empty());
        assert_eq!(lengths(&[MAX_WIRE_BYTES]), [MAX_WIRE_BYTES]);
        // Two brackets and a comma are three more bytes.
        assert_eq!(lengths(&[HALF, HALF - 3]), [MAX_WIRE_BYTES]);
        assert_eq!(lengths(&[HALF, HALF - 2]), [HALF, HALF - 2]);
        assert_eq!(lengths(&[10, HALF, HALF, 10]), [HALF + 13, HALF + 13]);
        let (one, two) = (event(1, 3), event(2, 2));
        assert_eq!(messages(&[&one, &two]), ["[111,11]"]);
    }

    #[test]
    fn an_event_too_long_for_any_message_is_named() {
        let long = event(7, MAX_WIRE_BYTES + 1);
        let said: Value = serde_json::from_slice(&messages(&[&long])[0]).unwrap();
        assert_eq!((&said["type"], &said["seq"]), (&json!("omitted"), &json!(7)));
    }

    fn published(text: &str) -> Published {
        match parse(text.as_bytes()) {
            Ok(Message::Publish(published)) => *published,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bare_reading_publishes() {
        let reading = published(r#"{"time":1.5,"species":" SO4 ","concentration":251.2,"operator":"Jo"}"#);
        assert_eq!(
            (reading.parameter.as_str(), reading.outfall.as_str(), reading.unit.as_str()),
            ("SO4", "001", "mg/L")
        );
        assert_eq!((reading.row.value, reading.row.time), (251.2, time::from_hours(1.5).unwrap()));
        assert_eq!(reading.fields["operator"], "Jo");
        assert!(reading.fields["timestamp"].is_string());
        let given = published(
            r#"{"type":"reading","time":"2026-03-01T00:00:00Z","parameter":"As","value":1,"unit":"ugL","qualifier":"<",
                "outfall":"002","site":"north","timestamp":"then"}"#,
        );
        assert_eq!(given.fields["timestamp"], "then");
        assert_eq!(
            (given.unit.as_str(), given.row.flags.qualifier(), given.site.as_deref()),
            ("ug/L", Qualifier::Less, Some("north"))
        );
    }

    #[test]
    fn the_other_messages() {
        assert_eq!(parse(br#"{"type":"ping"}"#), Ok(Message::Ping));
        let subscribe = |site: Option<&str>, after| Ok(Message::Subscribe { site: site.map(str::to_owned), after });
        assert_eq!(parse(br#"{"type":"subscribe"}"#), subscribe(None, None));
        assert_eq!(parse(br#"{"type":"subscribe","site":"a","after":0}"#), subscribe(Some("a"), Some(0)));
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_place() {
        for (text, place) in [
            ("", "EOF"),
            ("hello", "line 1"),
            ("[1]", "object"),
            ("null", "object"),
            ("{}", "time"),
            (r#"{"hello":"world"}"#, "time"),
            (r#"{"time":null,"species":"SO4","concentration":1}"#, "time"),
            (r#"{"time":1,"concentration":1}"#, "species"),
            (r#"{"time":1,"species":"","concentration":1}"#, "species"),
            (r#"{"time":1,"species":5,"concentration":1}"#, "species"),
            (r#"{"time":1,"species":"SO4","concentration":1,"site":"a/b"}"#, "site"),
            (r#"{"time":1,"species":"SO4","concentration":1,"site":".."}"#, "site"),
            (r#"{"time":1,"species":"SO4"}"#, "concentration"),
            (r#"{"time":1,"species":"SO4","concentration":"1"}"#, "concentration"),
            (r#"{"time":1,"species":"SO4","concentration":null}"#, "concentration"),
            (r#"{"time":1,"species":"SO4","concentration":NaN}"#, "line 1"),
            (r#"{"time":1,"species":"SO4","concentration":1e999}"#, "line 1"),
            (r#"{"time":1e300,"species":"SO4","concentration":1}"#, "time"),
            (r#"{"time":1,"species":"SO4","concentration":1,"qualifier":"~"}"#, "qualifier"),
            (r#"{"time":1,"species":"SO4","concentration":1,"unit":7}"#, "unit"),
            (r#"{"time":1,"species":"SO4","concentration":1,"site":[]}"#, "site"),
            (r#"{"type":"subscribe","after":-1}"#, "after"),
            (r#"{"type":"subscribe","after":"x"}"#, "after"),
            (r#"{"type":"publish"}"#, "type"),
            (r#"{"type":7}"#, "type"),
        ] {
            let detail = parse(text.as_bytes()).unwrap_err();
            assert!(detail.contains(place), "{text}: {detail}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
