-- Events that a projection could not take and went on without: its rows lack what they say. Filling it anew tries them again.
CREATE TABLE projections.parked (
    projection text NOT NULL,
    position bigint NOT NULL,
    error text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, position)
);
GRANT SELECT ON projections.parked TO accompany_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON projections.parked TO accompany_worker;
