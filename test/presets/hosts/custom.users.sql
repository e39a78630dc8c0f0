-- What docs/presets.md shows.
-- name: accounts
u.points >= 0

-- name: blocked
u.closed_on is not null

-- name: new password
delete from shop.visits where customer = :id;
