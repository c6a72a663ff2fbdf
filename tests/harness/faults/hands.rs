//! The driver: one hand that has every road, and presses as a plan says.

use crate::faults::ledger::Ledger;
use crate::faults::plan::Press;
use crate::faults::road::{HttpDriver, MqttDriver, Road, text};
use crate::udp_relay::{Shape, UdpRelay};
use crate::{Viewer, unix_ns};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// What the driver is called on every road, so that it is one.
pub(super) const DRIVER: &str = "driver";

/// How long an order of a held key holds.
pub(super) const PULSE: Duration = Duration::from_millis(200);

/// From one order of a held key to the next.
pub(super) const HELD_EVERY: Duration = Duration::from_millis(100);

/// How long an order holds of a program that plans ahead, and how often it gives one.
const LONG: Duration = Duration::from_secs(2);
const LONG_EVERY: Duration = Duration::from_secs(1);

/// All roads of one driver.
pub(super) struct Hands {
    pub(super) ledger: Ledger,
    http: Mutex<HttpDriver>,
    mqtt: Mutex<Arc<MqttDriver>>,
    viewer: tokio::sync::Mutex<Option<(Viewer, UdpRelay)>>,
    /// Who the driver is to the station; by MQTT they have to say so themselves.
    user: Mutex<String>,
}

impl Hands {
    pub(super) fn new(http: HttpDriver, mqtt: MqttDriver) -> Self {
        Self {
            ledger: Ledger::default(),
            http: Mutex::new(http),
            mqtt: Mutex::new(Arc::new(mqtt)),
            viewer: tokio::sync::Mutex::new(None),
            user: Mutex::new("key-1".to_owned()),
        }
    }

    /// Gives one order, by a road that is open.
    pub(super) async fn order(&self, road: Road, duration: Duration, stamped: bool) {
        let mqtt = Arc::clone(&lock(&self.mqtt));
        if road == Road::Mqtt && !mqtt.is_connected() {
            return;
        }
        let order = self.ledger.give(road, duration, unix_ns());
        // A motion without a time is no action there.
        let stamp = (stamped || road == Road::DataChannel).then_some(order.number);
        let user = lock(&self.user).clone();
        let body = text(order.throttle(), duration, (DRIVER, &user), stamp);
        match road {
            Road::Http => lock(&self.http).send(order.number, body, &self.ledger),
            Road::Mqtt => mqtt.send(body).await,
            Road::DataChannel => {
                if let Some((viewer, _)) = &*self.viewer.lock().await {
                    viewer.send_if_open(body).await;
                }
            }
        }
    }

    /// Holds the key until the task that does it is dropped.
    pub(super) async fn press(&self, road: Road, press: Press, stamped: bool) {
        let (duration, every) = match press {
            Press::Held => (PULSE, HELD_EVERY),
            Press::Long => (LONG, LONG_EVERY),
        };
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.order(road, duration, stamped).await;
        }
    }

    /// Whether there is a viewer whose connection stands.
    pub(super) async fn watches(&self) -> bool {
        let viewer = self.viewer.lock().await;
        viewer
            .as_ref()
            .is_some_and(|(viewer, _)| viewer.is_connected())
    }

    /// Replaces the viewer.
    pub(super) async fn set_viewer(&self, viewer: Option<(Viewer, UdpRelay)>) {
        let old = std::mem::replace(&mut *self.viewer.lock().await, viewer);
        if let Some((old, _)) = old {
            old.leave().await;
        }
    }

    /// Changes the viewer's path to the robot.
    pub(super) async fn set_path(&self, shape: Shape) {
        if let Some((_, relay)) = &*self.viewer.lock().await {
            relay.set(shape);
        }
    }

    /// Gives the driver another key.
    pub(super) fn set_key(&self, number: &str, text: &str) {
        text.clone_into(&mut lock(&self.http).key);
        *lock(&self.user) = format!("key-{number}");
    }

    /// Gives the driver another broker.
    pub(super) fn set_mqtt(&self, mqtt: MqttDriver) {
        *lock(&self.mqtt) = Arc::new(mqtt);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
