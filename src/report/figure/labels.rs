//! Where names stand beside dots so that none covers another, a dot or a line.

use super::canvas::Hang;

/// Height of a line of text and width of a letter of the page's figures, CSS pixels.
const HEIGHT: f64 = 15.0;
const LETTER: f64 = 6.4;

/// Left, top, right and bottom, CSS pixels.
type Area = [f64; 4];

/// What is taken, and the room there is.
pub struct Room {
    inside: Area,
    taken: Vec<Area>,
}

impl Room {
    /// Room in which nothing stands yet.
    pub fn new(inside: Area) -> Room {
        Room { inside, taken: Vec::new() }
    }

    /// Nothing is to stand here.
    pub fn keep_free(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// The point a text hangs on, the first of those wanted whose area is free; where none is, the one least covered.
    pub fn put(&mut self, text: &str, wanted: &[(f64, f64, Hang)]) -> Option<(f64, f64, Hang)> {
        let width = LETTER * text.chars().count() as f64;
        let area = |(px, py, hang): (f64, f64, Hang)| {
            let left = match hang {
                Hang::Left => px,
                Hang::Centre => px - 0.5 * width,
                Hang::Right => px - width,
            };
            [left, py - 0.5 * HEIGHT, left + width, py + 0.5 * HEIGHT]
        };
        let covered = |place: &(f64, f64, Hang)| {
            let [left, top, right, bottom] = area(*place);
            let [l, t, r, b] = self.inside;
            let outside = (l - left).max(0.0) + (right - r).max(0.0) + (t - top).max(0.0) + (bottom - b).max(0.0);
            HEIGHT * outside + self.taken.iter().map(|other| shared(&area(*place), other)).sum::<f64>()
        };
        let best = *wanted.iter().min_by(|a, b| covered(a).total_cmp(&covered(b)))?;
        self.taken.push(area(best));
        Some(best)
    }
}

/// Size of what two areas share.
fn shared(a: &Area, b: &Area) -> f64 {
    let along = |k: usize| (a[k + 2].min(b[k + 2]) - a[k].max(b[k])).max(0.0);
    along(0) * along(1)
}

/// Places around a dot, the best first.
pub fn around((px, py): (f64, f64), away: f64) -> Vec<(f64, f64, Hang)> {
    let (mut places, line) = (Vec::new(), HEIGHT + 1.0);
    for step in 0..4 {
        let (near, far) = (py - f64::from(step) * line, py + f64::from(step) * line);
        for height in [near, far] {
            places.extend([(px + away, height, Hang::Left), (px - away, height, Hang::Right)]);
        }
        let step = f64::from(step) * line + away + 0.5 * HEIGHT;
        places.extend([(px, py - step, Hang::Centre), (px, py + step, Hang::Centre)]);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_dots_close_together_do_not_touch() {
        let mut room = Room::new([0.0, 0.0, 300.0, 200.0]);
        let dots = [(100.0, 100.0), (112.0, 100.0), (104.0, 108.0), (290.0, 100.0)];
        dots.iter().for_each(|(x, y)| room.keep_free([x - 5.0, y - 5.0, x + 5.0, y + 5.0]));
        room.keep_free([0.0, 90.0, 300.0, 91.0]);
        for (dot, name) in dots.iter().zip(["fokker-planck", "master-equation", "schroedinger", "exact"]) {
            room.put(name, &around(*dot, 9.0)).unwrap();
        }
        let taken = &room.taken;
        for (i, a) in taken.iter().enumerate().skip(dots.len() + 1) {
            assert!(taken[..i].iter().all(|b| shared(a, b) == 0.0), "{taken:?}");
            assert!(a[0] >= 0.0 && a[2] <= 300.0, "{a:?}");
        }
        assert!(room.put("none", &[]).is_none());
    }
}
