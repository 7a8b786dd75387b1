//! Frames of the desk.

use super::*;
use crate::tui::{
    core::{Contents, Desk, DeskLine, Entry, Mark},
    view::draw_desk,
};

fn entry(mark: Mark, title: &str, lines: Vec<DeskLine>) -> Entry {
    Entry { mark, title: title.to_owned(), lines }
}

fn desk() -> Desk {
    let plain = |text: &str| DeskLine::Plain(text.to_owned());
    let mut desk = Desk::default();
    desk.load(Contents {
        title: "devicecontent.json + fhirmapping.json".into(),
        summary: "1 error, 1 warning, 0 notes · 2 messages, 1 with a fault".into(),
        read_at: "02:12:45 UTC".into(),
        entries: vec![
            entry(
                Mark::Wrong,
                "devicecontent.json:12 value-not-mapped: the value Heart rate of heartrate is in no FHIR template",
                vec![
                    DeskLine::Strong("the value Heart rate of heartrate is in no FHIR template".into()),
                    plain("name it hr, as the FHIR template does, or name the value of the FHIR template Heart rate"),
                    plain(""),
                    DeskLine::Dim("devicecontent.json line 12, column 9".into()),
                    DeskLine::Dim("   11       \"values\": [".into()),
                    DeskLine::Strong("   12         { \"valueName\": \"Heart rate\",".into()),
                ],
            ),
            entry(Mark::Wrong, "second.json: no template matches the message: nothing comes of it", Vec::new()),
            entry(Mark::Warning, "fhirmapping.json:4 unit: 1/min is written count/min", Vec::new()),
            entry(
                Mark::Good,
                "first.json: 1 measurement, 1 Observation",
                vec![
                    plain("  template 1 heartrate (JsonPathContent, line 4): 1 match of $..[?(@heartRate)]"),
                    plain("      deviceId                 $.deviceId = \"d1\""),
                    DeskLine::Strong("    measurement: heartrate 2026-03-01T02:12:45Z device d1 patient p4: hr=72 and a line that is longer than the screen is wide".into()),
                    DeskLine::Wrong("  no Observation of heartrate: the value hr is not there".into()),
                ],
            ),
            entry(Mark::Note, "values as vitals", vec![plain("heartrate / hr: shown as hr")]),
        ],
    });
    desk
}

fn desk_frame(desk: &Desk, look: &Look, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let area = buffer.area;
    draw_desk(desk, look, area, &mut buffer);
    framed(&buffer, look)
}

#[test]
fn the_desk() {
    let mut desk = desk();
    shot("desk_80x24", &desk_frame(&desk, &look(), 80, 24));
    shot("desk_200x50", &desk_frame(&desk, &look(), 200, 50));
    desk.selected = 3;
    desk.changes = 2;
    shot("desk_message_80x24", &desk_frame(&desk, &look(), 80, 24));
    shot("desk_ascii_60x15", &desk_frame(&desk, &mono(Glyphs::Ascii), 60, 15));
    desk.load(Contents::default());
    shot("desk_empty_80x24", &desk_frame(&desk, &look(), 80, 24));
}

#[test]
fn no_size_breaks_it() {
    let desk = desk();
    for width in [0, 1, 2, 3, 10, 79, 120, 300] {
        for height in [0, 1, 2, 3, 4, 10, 60] {
            desk_frame(&desk, &look(), width, height);
        }
    }
}
