//! What services are called: `fifo`, `causal`, `agreed`, `safe`.

use super::suggest;
use crate::wire::packet::Service;

/// All services and their names, the weakest first.
pub const SERVICES: [(Service, &str); 4] = [
    (Service::Fifo, "fifo"),
    (Service::Causal, "causal"),
    (Service::Agreed, "agreed"),
    (Service::Safe, "safe"),
];

/// The name of `service`.
pub const fn service_name(service: Service) -> &'static str {
    match service {
        Service::Fifo => "fifo",
        Service::Causal => "causal",
        Service::Agreed => "agreed",
        Service::Safe => "safe",
    }
}

/// The service called `name`.
///
/// # Errors
/// The nearest name, if one is near.
pub fn service_named(name: &str) -> Result<Service, Option<&'static str>> {
    let found = SERVICES.iter().find(|(_, known)| *known == name);
    let nearest = || suggest::nearest(name, SERVICES.iter().map(|(_, known)| *known));
    found.map(|(service, _)| *service).ok_or_else(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_found_by_its_name_and_a_mistyped_one_is_suggested() {
        for (service, name) in SERVICES {
            assert_eq!((service_named(name), service_name(service)), (Ok(service), name));
        }
        assert_eq!(service_named("aggreed"), Err(Some("agreed")));
        assert_eq!(service_named("total"), Err(None));
    }
}
