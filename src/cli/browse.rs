//! `gateway --open`: the page in the browser.
//!
//! Whoever uses this computer can see the arguments of all processes, and the page's address has
//! its token. So the browser is given a file that leads there, which nobody else can read.

use super::token;
use crate::time::{Duration, Instant};
use etcetera::BaseStrategy as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A browser that starts has so long to read the file.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// A page that is being opened. The file goes when this does.
#[derive(Debug)]
pub(super) struct Opening {
    path: PathBuf,
    opener: Option<Child>,
    until: Instant,
}

impl Opening {
    /// Opens `address` in the browser.
    ///
    /// # Errors
    /// Where the file cannot be written, or there is no `xdg-open`.
    pub(super) fn begin(now: Instant, address: &str) -> io::Result<Self> {
        let path = place()?;
        write(&path, address)?;
        let mut opening = Self { path, opener: None, until: now + READ_WITHIN };
        let mut opener = Command::new("xdg-open");
        opener.arg(&opening.path);
        opener.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        opening.opener = Some(opener.spawn()?);
        Ok(opening)
    }

    /// Whether the browser has had its time.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until <= now
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        // It is gone already, or cannot be helped: nobody else can read it.
        let _ = fs::remove_file(&self.path);
        if let Some(opener) = &mut self.opener {
            // One that ended is not kept in the list of processes; one that runs is not waited for.
            let _ = opener.try_wait();
        }
    }
}

/// Where the file is to be: with what goes when its user logs out, or with what the gateway keeps.
fn place() -> io::Result<PathBuf> {
    let base = etcetera::choose_base_strategy().map_err(io::Error::other)?;
    let folder = match base.runtime_dir().filter(|folder| folder.is_dir()) {
        Some(folder) => folder,
        None => token::folder()?,
    };
    Ok(folder.join(format!("mcast-chat-{}.html", std::process::id())))
}

fn write(path: &Path, address: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    // One of a process of that id that was killed.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(leading_to(address).as_bytes())
}

/// A page that leads to `address`, which has nothing to escape: numbers, points, a port, digits.
fn leading_to(address: &str) -> String {
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>mcast-chat</title>\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={address}\">\n\
         <p><a href=\"{address}\">mcast-chat</a></p>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_leads_to_the_page_and_a_left_one_is_replaced() {
        let path = std::env::temp_dir().join(format!("browse.{}/x.html", std::process::id()));
        for address in ["http://127.0.0.1:8080/#ab", "http://[::1]:8080/#cd"] {
            write(&path, address).expect("can be written");
            let text = fs::read_to_string(&path).expect("is there");
            assert!(text.contains(&format!("url={address}\"")), "{text}");
        }
        let opening = Opening { path: path.clone(), opener: None, until: Instant::ZERO };
        assert!(opening.is_over(Instant::ZERO));
        drop(opening);
        assert!(!path.exists(), "it goes when the browser has had its time");
        let _ = fs::remove_dir(path.parent().expect("has a folder"));
    }
}
