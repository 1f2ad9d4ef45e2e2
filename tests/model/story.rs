//! Random lives of connections between the two hosts.

use super::rng::Rng;
use super::world::{Action, Conditions, Event, MS, SECOND, World};

/// Runs the story of `seed` and returns the world with what was captured.
pub fn tell(seed: u64, lossy: bool) -> World {
    let mut rng = Rng::new(seed);
    let near = rng.pick(&[10_000, MS / 5, 5 * MS, 40 * MS]);
    let far = rng.pick(&[10_000, MS / 5, 5 * MS, 40 * MS]);
    let jitter = if lossy { rng.pick(&[0, 20_000, MS]) } else { 0 };
    let conditions = Conditions {
        delays: [near, far],
        jitter,
        loss: if lossy { [rng.pick(&[0, 1, 5]), rng.pick(&[0, 2, 10])] } else { [0, rng.pick(&[0, 0, 5])] },
        doubled: rng.pick(&[0, 0, 5]),
        answers: rng.pick(&[0, 60, 100]),
        aborts_at_eof: rng.pick(&[0, 30]),
    };
    let mut world = World::new(Rng::new(rng.next()), conditions);
    for port in 40_000..40_000 + rng.within(1, 4) as u16 {
        lives(&mut world, &mut rng, port);
    }
    disturbances(&mut world, &mut rng);
    world.run(300 * SECOND);
    world
}

fn moment(rng: &mut Rng) -> i64 {
    rng.pick(&[0, MS / 10, MS, 10 * MS, 100 * MS, SECOND, 10 * SECOND]) + rng.within(0, MS)
}

fn lives(world: &mut World, rng: &mut Rng, port: u16) {
    let mut start = rng.within(0, 100 * MS);
    let mut iss = rng.next() as u32;
    for _ in 0..rng.pick(&[1, 1, 2, 3]) {
        world.at(start, Event::Act { client: true, port, action: Action::Connect(iss) });
        let mut end = start;
        for client in [true, false] {
            end = end.max(deeds(world, rng, (start, client), port));
        }
        start = end + rng.pick(&[MS, 100 * MS, 2 * SECOND, 50 * SECOND, 70 * SECOND]);
        iss = match rng.within(0, 3) {
            0 => iss.wrapping_add(rng.within(1, 60_000) as u32),
            1 => iss.wrapping_sub(rng.within(1, 1 << 30) as u32),
            _ => rng.next() as u32,
        };
    }
}

/// What the program of one side does with one connection; returns when it has done.
fn deeds(world: &mut World, rng: &mut Rng, (start, client): (i64, bool), port: u16) -> i64 {
    let mut time = start + moment(rng);
    for _ in 0..rng.within(0, 4) {
        let action = match rng.within(0, 10) {
            0 => Action::StopReading,
            1 => Action::Probe,
            2 => Action::ShutDown,
            _ => Action::Send(rng.pick(&[1, 100, 1448, 10_000, 70_000])),
        };
        world.at(time, Event::Act { client, port, action });
        time += moment(rng);
    }
    let last = match rng.within(0, 10) {
        0..5 => Action::Close,
        5..7 => Action::Abort,
        _ => return time,
    };
    world.at(time, Event::Act { client, port, action: last });
    time
}

fn disturbances(world: &mut World, rng: &mut Rng) {
    let time = moment(rng) + moment(rng);
    let client = rng.chance(50);
    match rng.within(0, 12) {
        0 | 1 => {
            world.at(time, Event::Crash { client });
            world.at(time + rng.pick(&[MS, SECOND, 5 * SECOND]), Event::Boot { client });
            world.at(time, Event::Listen(rng.chance(50)));
        }
        2 => {
            world.at(time, Event::Listen(false));
            world.at(time + moment(rng), Event::Listen(true));
        }
        3 => world.at(time, Event::Overflow(true)),
        4 => {
            world.at(time, Event::Link(false));
            world.at(time + rng.pick(&[SECOND, 20 * SECOND, 100 * SECOND]), Event::Link(true));
        }
        5 => world.at(time, Event::Forge { client, port: 40_000 }),
        6 => world.at(0, Event::Listen(false)),
        _ => {}
    }
}
