CREATE SCHEMA cutover_example;
SET LOCAL search_path = cutover_example;

-- What is live, and a view that an application reads.
CREATE TABLE sources (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE sites (id int PRIMARY KEY, name text NOT NULL, source_id int NOT NULL,
                    CONSTRAINT sites_source FOREIGN KEY (source_id) REFERENCES sources);
CREATE VIEW sites_with_source AS
    SELECT sites.name AS site, sources.title AS source FROM sites JOIN sources ON sources.id = sites.source_id;
INSERT INTO sources VALUES (1, 'the survey of last month');
INSERT INTO sites VALUES (1, 'Old Forest', 1);

-- The next release beside it. Names that are schema-wide bear the prefix, those within a table are the final ones.
CREATE TABLE staging_sources (LIKE sources INCLUDING ALL);
CREATE TABLE staging_sites (LIKE sites INCLUDING ALL,
                            CONSTRAINT sites_source FOREIGN KEY (source_id) REFERENCES staging_sources);
INSERT INTO staging_sources VALUES (7, 'the survey of this month');
INSERT INTO staging_sites VALUES (1, 'New Forest', 7);
