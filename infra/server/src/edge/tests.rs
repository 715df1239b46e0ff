use super::places::{Places, Refusal};
use std::net::IpAddr;
use std::sync::Arc;

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

#[test]
fn one_address_has_half_of_all_and_gives_back_what_it_had() {
    let places = Arc::new(Places::new(10, &[]));
    let mut held: Vec<_> = (0..5).map(|_| places.take(address(1)).unwrap()).collect();
    assert_eq!(places.take(address(1)).unwrap_err(), Refusal::Share(address(1), 5));
    let others: Vec<_> = (0..5).map(|_| places.take(address(2)).unwrap()).collect();
    assert_eq!(places.take(address(3)).unwrap_err(), Refusal::Full(10));
    held.pop();
    held.push(places.take(address(1)).unwrap());
    drop((held, others));
    assert!((0..5).map(|_| places.take(address(1))).collect::<Vec<_>>().iter().all(Result::is_ok));
}

#[test]
fn a_trusted_proxy_has_all() {
    let places = Arc::new(Places::new(4, &["192.0.2.1/32".parse().unwrap()]));
    let held: Vec<_> = (0..4).map(|_| places.take(address(1)).unwrap()).collect();
    assert_eq!(places.take(address(1)).unwrap_err(), Refusal::Full(4));
    assert_eq!(held.len(), 4);
}

#[test]
fn refusals_are_logged_once_a_while() {
    let places = Places::new(4, &[]);
    assert!(places.is_news());
    assert!(!places.is_news());
}
