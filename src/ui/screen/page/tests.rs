//! Windows on rooms.

use super::*;
use crate::chat::story::message;
use crate::ui::screen::tests::{say, screen};

#[test]
fn a_window_larger_than_the_room_shows_all_of_it() {
    let mut screen = screen(80, 60);
    (0..5).for_each(|n| say(&mut screen, message(n, "hi")));
    let window = screen.window();
    assert!(window.page().len() < window.height && !window.has_more_below());
    assert_eq!(window.scrolled(-9), View::Bottom);
    assert_eq!(window.scrolled(9), View::Bottom);
}

#[test]
fn every_line_is_in_the_window_once_while_one_scrolls_by_pages() {
    let mut screen = screen(60, 12);
    for n in 0..50 {
        say(&mut screen, message(n, &format!("{n} {}", "word ".repeat(n as usize % 30))));
    }
    let height = screen.window().height.cast_signed();
    let mut pages = vec![screen.window().page()];
    while screen.window().page()[0].0 > 0 {
        screen.scroll(-height);
        pages.push(screen.window().page());
        assert!(pages.len() < 100, "it goes up");
    }
    let mut all: Vec<_> = pages.into_iter().rev().flatten().collect();
    all.dedup();
    let places: Vec<_> = all.iter().map(|(number, row)| (*number, row.start)).collect();
    assert!(places.is_sorted(), "{places:?}");
    let said = all.iter().filter(|(_, row)| row.spans[0].0.starts_with("09:14")).count();
    assert_eq!(said, 50);
}
