//! Ctrl-C, SIGTERM and SIGHUP: the run ends at once, and what it has finished stays.

use super::args::{Cli, Verb};
use super::{files, output, tell_failure};
use crate::base::Error;
use crate::base::hints::shell;

/// Exit code of a run that was interrupted.
pub(super) const EXIT: u8 = 130;

/// End the process when one of the signals comes. Files are renamed into place when they are whole, so leaving at once loses nothing that was finished.
///
/// Whoever started us may have chosen to have one of them ignored (`nohup`, a job in the background of a script): then none is watched, and
/// what the system does by itself holds.
pub(super) fn watch(cli: &Cli) {
    let hint = hint(cli);
    let json = cli.common.json;
    // A second handler cannot be set in one process (tests); the first one serves.
    let _ = ctrlc::try_set_handler(move || {
        files::abandon();
        let (message, hints) = (Error::Interrupted.to_string(), [hint.clone()]);
        // The cursor may stand behind a bar, or behind ^C.
        output::complain("");
        tell_failure(json, Error::Interrupted.code(), &message, &hints);
        std::process::exit(i32::from(EXIT));
    });
}

/// What to type to go on.
fn hint(cli: &Cli) -> String {
    let folder = cli.common.output.as_ref().filter(|path| *path != "-");
    match (&cli.verb, folder) {
        (Verb::Backtest(args), Some(_)) => {
            let resume = if args.resume { "" } else { " --resume" };
            let words: Vec<String> = std::env::args().skip(1).map(|word| shell(&word)).collect();
            format!("kramers {}{resume} goes on from the blocks that are done", words.join(" "))
        }
        (Verb::Backtest(_), None) => {
            "with -o FOLDER finished blocks are kept, and --resume goes on from them; this one begins anew".to_string()
        }
        _ => "the same command begins anew; files under their own names are whole".to_string(),
    }
}
