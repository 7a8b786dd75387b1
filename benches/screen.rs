//! What the screen costs a slow link: bytes a second and processor time of `watch` on 24 beds at 200 × 50.
//!
//! Measured from outside, at the pseudo-terminal. Figures are printed, never asserted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::missing_docs_in_private_items,
    reason = "a benchmark fails by panicking"
)]

#[path = "../tests/support/mod.rs"]
mod support;

mod allocator;

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};
use support::{Server, pause, program, run};

const BEDS: usize = 24;
const COLUMNS: u16 = 200;
const ROWS: u16 = 50;
/// Time until the first frames are drawn and the sparklines are full, in milliseconds.
const WARM_MS: u64 = 5_000;
/// How long is measured, in milliseconds.
const MEASURE_MS: u64 = 30_000;

/// Beds whose vitals wander a little, each second.
fn scenario() -> String {
    let mut text = "name = \"bench\"\nseed = 24\nduration_s = 3600\n[ward]\nid = \"w\"\nname = \"Ward\"\n".to_owned();
    for bed in 1..=BEDS {
        let wander = "noise = 0.6, wander = { sd = 1.5, tau_s = 240 }";
        text.push_str(&format!(
            "[[patient]]\nid = \"p{bed:02}\"\nbed = \"{bed:02}\"\nname = \"Patient {bed}\"\n[patient.vitals]\n\
             hr = {{ curve = {}, {wander} }}\nspo2 = {{ curve = 96, noise = 0.3, wander = {{ sd = 0.3, tau_s = 300 }} }}\n\
             rr = {{ curve = {}, noise = 0.4, wander = {{ sd = 0.6, tau_s = 180 }} }}\n\
             nbp_sys = {{ interval_s = 900, curve = 122 }}\nnbp_dia = {{ interval_s = 900, curve = 76 }}\ntemp = {{ interval_s = 3600, curve = 36.8 }}\n",
            65 + bed,
            12 + bed % 6,
        ));
    }
    text
}

/// A pseudo-terminal of the wanted size.
fn pty() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(Path::new(name.to_str().unwrap())).unwrap();
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&slave, size).unwrap();
    (File::from(master), OwnedFd::from(slave))
}

/// CPU time that a process has used, in clock ticks of 10 ms.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn watch(server: &Server, token: &Path) -> (Child, File, Arc<AtomicU64>) {
    let (master, slave) = pty();
    let stdio = || Stdio::from(slave.try_clone().unwrap());
    let mut command = program();
    command.args(["watch", "--to", &server.url(), "--token-file"]).arg(token);
    command.env("TERM", "xterm-256color").env("COLORTERM", "truecolor").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
    let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
    let written = Arc::new(AtomicU64::new(0));
    let (mut reader, count) = (master.try_clone().unwrap(), written.clone());
    std::thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while let Ok(n) = reader.read(&mut buffer) {
            count.fetch_add(n as u64, SeqCst);
        }
    });
    (child, master, written)
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("bench.toml"), scenario()).unwrap();
    run(&["provision", &path("bench.toml"), "--data", &path("data"), "--token-file", &path("gateway.token")]);
    let server = Server::start(&dir.path().join("data"));
    let token = server.user("anna", "nurse");
    let mut gateway = program();
    gateway.args(["replay", &path("bench.toml"), "--to", &server.url(), "--token-file", &path("gateway.token")]);
    let mut gateway = gateway.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut child, mut keyboard, written) = watch(&server, &token);
    pause(WARM_MS);
    let first = written.load(SeqCst);
    let ticks = cpu_ticks(child.id());
    pause(MEASURE_MS);
    let bytes = written.load(SeqCst) - first;
    let cpu = (cpu_ticks(child.id()) - ticks) as f64 * 10.0 / MEASURE_MS as f64 * 100.0;
    let seconds = MEASURE_MS as f64 / 1000.0;
    println!("watch on {BEDS} beds at {COLUMNS}x{ROWS}, values each second");
    println!(
        "  {:.0} bytes/s (aim: at most 3000), first {first} bytes in {} s",
        bytes as f64 / seconds,
        WARM_MS / 1000
    );
    println!("  {cpu:.2} % of a core (aim: at most 1), {:.1} MiB resident", resident_mib(child.id()));
    keyboard.write_all(b"qy").unwrap();
    pause(500);
    drop(child.kill());
    drop(child.wait());
    drop(gateway.kill());
    drop(gateway.wait());
    server.stop();
}
