//! What stands on the screens when the audit trail was witnessed, and when the past was changed.

use super::*;
use crate::client::TrailStanding;

const WHAT: &str = "size 1203442 → 1203190: entries that were signed are gone";

fn bench() -> Bench {
    let mut bench = Bench::with(night());
    bench.heartbeat();
    bench
}

fn forked(bench: &mut Bench) {
    bench.client(ClientEvent::Trail(TrailStanding::Forked { what: WHAT.into() }));
}

#[test]
fn when_it_was_witnessed_stands_beside_the_size() {
    let mut bench = bench();
    bench.client(ClientEvent::Trail(TrailStanding::Witnessed { size: 1_203_440 }));
    let second = |bench: &Bench| text(&bench.app, &look(), 200, 50).lines().nth(1).unwrap().to_owned();
    assert!(second(&bench).ends_with("audit 1,203,442 · witnessed <10s ago"), "{}", second(&bench));
    bench.wait(34_000);
    bench.heartbeat();
    assert!(second(&bench).ends_with("· witnessed 30s ago"), "{}", second(&bench));
    bench.client(ClientEvent::Trail(TrailStanding::NotWitnessed { why: "busy".into() }));
    assert!(second(&bench).contains("audit not witnessed"), "{}", second(&bench));
    bench.client(ClientEvent::Trail(TrailStanding::Witnessed { size: 1_203_441 }));
    assert!(!second(&bench).contains("not witnessed"), "{}", second(&bench));
}

#[test]
fn a_past_that_was_changed_stands_in_red() {
    let mut bench = bench();
    forked(&mut bench);
    both!("forked", bench.app);
}

/// It is on every page, at every size, without colour too, and nothing makes it go.
#[test]
fn a_past_that_was_changed_is_on_every_screen_for_good() {
    use crate::tui::core::Page;
    let mut bench = bench();
    forked(&mut bench);
    let pages = [
        Page::Ward,
        Page::Queue,
        Page::Patient,
        Page::Limits,
        Page::Pauses,
        Page::Rota,
        Page::AlertReport,
        Page::Devices,
        Page::Handover,
        Page::Ops,
        Page::Audit,
        Page::Login,
    ];
    let on_all = |bench: &mut Bench, when: &str| {
        for page in pages {
            bench.app.page = page;
            for (width, height) in [(80, 24), (120, 40), (200, 50), (60, 15), (40, 6)] {
                for look in [look(), mono(Glyphs::Ascii)] {
                    let shown = text(&bench.app, &look, width, height);
                    assert!(shown.contains("AUDIT FORKED"), "{when}: {page:?} at {width}x{height}\n{shown}");
                }
            }
        }
    };
    on_all(&mut bench, "at once");
    bench.client(ClientEvent::Trail(TrailStanding::Witnessed { size: 1_203_500 }));
    bench.heartbeat();
    on_all(&mut bench, "when the server is good again");
    bench.wait(9_000);
    forked(&mut bench);
    assert!(!bench.app.health().is_live(), "what is remembered is no sign of life");
    bench.client(ClientEvent::Disconnected { why: "gone".into(), retry_in_ms: 1_000, attempt: 1 });
    bench.wait(20_000);
    on_all(&mut bench, "without a link");
    bench.client(ClientEvent::Refused { why: "over".into() });
    on_all(&mut bench, "after the session");
}
