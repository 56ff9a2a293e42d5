-- The staging twins of release_set.sql, built by hand; MONTH stands for the month's name.
CREATE TABLE staging_sources (LIKE sources INCLUDING ALL);
CREATE SEQUENCE staging_sources_id_seq AS integer OWNED BY staging_sources.id;
ALTER TABLE staging_sources ALTER COLUMN id SET DEFAULT nextval('staging_sources_id_seq');
CREATE TABLE staging_sites (LIKE sites INCLUDING ALL);
ALTER INDEX staging_sites_lower_idx RENAME TO staging_sites_lower_name;
ALTER STATISTICS staging_sites_source_id_country_id_stat RENAME TO staging_sites_stats;
ALTER TABLE staging_sites ADD CONSTRAINT sites_source_fk FOREIGN KEY (source_id) REFERENCES staging_sources;
ALTER TABLE staging_sites ADD CONSTRAINT sites_country_fk FOREIGN KEY (country_id) REFERENCES countries;
CREATE TABLE "staging_sites & countries" (LIKE "sites & countries" INCLUDING ALL);
ALTER TABLE "staging_sites & countries" ADD CONSTRAINT sc_site_fk FOREIGN KEY (site_id) REFERENCES staging_sites;
ALTER TABLE "staging_sites & countries" ADD CONSTRAINT sc_country_fk FOREIGN KEY (country_id) REFERENCES countries;
INSERT INTO staging_sources (title) SELECT 'MONTH source ' || n FROM generate_series(1, 3) n;
INSERT INTO staging_sites (source_id, country_id, name)
    SELECT 1 + n % 3, 1 + n % 5, 'MONTH site ' || n FROM generate_series(1, 60) n;
INSERT INTO "staging_sites & countries" SELECT id, country_id FROM staging_sites;
CREATE MATERIALIZED VIEW staging_site_counts AS SELECT source_id, count(*) AS n FROM staging_sites GROUP BY source_id;
CREATE UNIQUE INDEX staging_site_counts_key ON staging_site_counts (source_id);
GRANT SELECT ON staging_sources, staging_sites, "staging_sites & countries", staging_site_counts TO swap_reader;
COMMENT ON TABLE staging_sites IS 'what readers want';
