//! What became of a hook, as lines of text.

use cutover_core::release_file::HookPoint;
use cutover_core::{EventKind, Phase};

use super::Palette;
use super::event_text::{Detail, small, took};

/// The lines that tell of a hook. One that stops the release is told with the error, the last thing on the screen.
pub(super) fn hook_lines(event: &EventKind, detail: Detail, palette: Palette) -> Vec<String> {
    match event {
        EventKind::HookFinished {
            hook,
            point,
            phase,
            took_ms,
            ..
        } if detail == Detail::Everything => {
            let text = format!("hook {hook} at {}, {}", at(*point, *phase), took(*took_ms));
            vec![small(text, palette)]
        }
        EventKind::HookFailed {
            hook,
            point,
            phase,
            error,
            output,
            fatal: false,
            ..
        } => {
            let at = at(*point, *phase);
            let mut lines = vec![format!(
                "{} hook {hook} at {at} failed: {error}",
                palette.notable("!")
            )];
            lines.extend(output.lines().map(|line| small(line.to_owned(), palette)));
            lines
        }
        EventKind::HookSkipped {
            hook,
            point,
            phase,
            reason,
        } => vec![small(
            format!("hook {hook} at {} left out: {reason}", at(*point, *phase)),
            palette,
        )],
        _ => Vec::new(),
    }
}

fn at(point: HookPoint, phase: Option<Phase>) -> String {
    match phase {
        Some(phase) => format!("{point} of {phase}"),
        None => point.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_failed_shows_what_it_said() {
        let failed = |fatal| EventKind::HookFailed {
            hook: "search".to_owned(),
            point: HookPoint::PhaseComplete,
            phase: Some(Phase::PostSwap),
            took_ms: 30_000,
            error: "it ended with exit status 3".to_owned(),
            output: "no such index\nwdpa".to_owned(),
            fatal,
        };
        let lines = |event: &EventKind| hook_lines(event, Detail::Phases, Palette::PLAIN).join("\n");
        insta::assert_snapshot!(lines(&failed(false)), @"
        ! hook search at phase_complete of post_swap failed: it ended with exit status 3
          no such index
          wdpa
        ");
        assert_eq!(lines(&failed(true)), "");
    }
}
