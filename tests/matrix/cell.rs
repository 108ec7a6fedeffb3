//! One cell: the fault happens, then the same command is repeated until it ends well.

use testenv::fault::{Action, Fault as Scripted, FaultHandle, Trigger};

use crate::harness::{Run, Wire9};
use crate::scene::{PATIENCE, Scene};
use crate::script::scripted;
use crate::seeded::Seeded;
use crate::table::{Cell, Fault, Place};

/// How often the same command is repeated at most.
const CONTINUATIONS: usize = 4;

/// What a fault may end a command with: it is no mismatch, and no error of the program.
const FAULT_CODES: [i32; 5] = [0, 3, 4, 5, 7];

/// Lives through a cell; how often the command had to be repeated.
///
/// # Panics
/// Where anything is lost, doubled or never done, or the fault did not happen: the cell is red.
pub(crate) fn live_through(cell: Cell, planted: Option<&'static str>) -> u32 {
    let scene = Scene::new(cell, planted);
    scene.prepare();
    let fault = scripted(cell, &mut Seeded::new(cell.seed()));
    let handle = scene.arm(fault);
    let first = match cell.fault {
        Fault::Kill | Fault::KillLate => killed(&scene, &handle),
        Fault::KillLateRestart => killed_and_begun_anew(&scene, &handle),
        Fault::WakeUp => woken_up(&scene, &handle, &[]),
        Fault::WakeUpRestart => woken_up(&scene, &handle, &["--restart"]),
        _ => code(&scene.command().run()),
    };
    assert!(handle.fired() > 0, "the fault did not happen");
    // `verify` may as well read once more.
    if cell.fault == Fault::WrongCount && cell.place != Place::Verify {
        assert_ne!(first, Some(0), "a wrong count was not noticed");
    }
    let times = repeated(&scene, first);
    if is_late(cell.fault) {
        handle.wait_delivered(PATIENCE).expect("it is delivered");
    }
    scene.disarm();
    scene.holds();
    times
}

/// Repeats the command until it ends well; how often.
fn repeated(scene: &Scene, first: Option<i32>) -> u32 {
    let mut codes = vec![first];
    while codes.last() != Some(&Some(0)) {
        let run = scene.command().run();
        codes.push(code(&run));
        assert!(
            codes.len() <= CONTINUATIONS || run.code == Some(0),
            "it never ends well, but with {codes:?}\n{}",
            run.stderr
        );
    }
    u32::try_from(codes.len() - 1).unwrap_or(u32::MAX)
}

/// The exit code, which must be one that a fault may bring.
fn code(run: &Run) -> Option<i32> {
    let code = run.code.unwrap_or(-1);
    assert!(
        FAULT_CODES.contains(&code),
        "exit code {code}\n{}\n{}",
        run.stdout,
        run.stderr
    );
    run.code
}

/// The process is killed when the fault happens.
fn killed(scene: &Scene, handle: &FaultHandle) -> Option<i32> {
    let running = scene.command().start();
    assert!(handle.wait_fired(PATIENCE), "the fault did not happen");
    running.signal("KILL");
    running.wait().code
}

fn killed_and_begun_anew(scene: &Scene, handle: &FaultHandle) -> Option<i32> {
    killed(scene, handle);
    code(&scene.command().arg("--restart").run())
}

/// The process is stopped when the fault happens, another takes its run over as if from another host and
/// ends it, then the first one wakes up: it must not do anything more.
fn woken_up(scene: &Scene, handle: &FaultHandle, how: &[&str]) -> Option<i32> {
    // Its next sign of life would tell it; here its lane must find out by itself.
    let beat = Trigger::query("SET beat = beat + 1");
    let mute = Scripted::new(beat, Action::StallReading(PATIENCE)).always();
    scene.standin.faults().add(mute);
    let first = scene.command().start();
    assert!(handle.wait_fired(PATIENCE), "the fault did not happen");
    first.signal("STOP");
    let elsewhere = "UPDATE wire9.run SET beat_at = now() - interval '1 min', \
                     owner = replace(owner, '\"realm\":\"', '\"realm\":\"another ')";
    let moved = scene.standin.database().execute(elsewhere);
    moved.expect("it is made another host's");
    let second: Wire9 = scene.command().args(how);
    second.run().ends_with(0);
    scene.holds();
    first.signal("CONT");
    let first = first.wait();
    scene.holds();
    assert_eq!(first.code, Some(4), "{}\n{}", first.stdout, first.stderr);
    first.says("another wire9 process has taken over").code
}

fn is_late(fault: Fault) -> bool {
    use Fault::*;
    matches!(
        fault,
        LateAfter | LateAfterLookUp | LateDuringCopy | KillLate | KillLateRestart
    )
}
