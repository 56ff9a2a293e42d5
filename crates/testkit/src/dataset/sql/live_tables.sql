-- The application's tables: first those outside the release set, then the set.
CREATE TABLE regions (id bigserial PRIMARY KEY, iso text NOT NULL UNIQUE, name text NOT NULL);
CREATE TABLE countries (
    id bigserial PRIMARY KEY,
    iso_3 text NOT NULL UNIQUE,
    name text NOT NULL,
    region_id bigint REFERENCES regions
);
CREATE TABLE jurisdictions (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE designations (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE governances (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE iucn_categories (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE legal_statuses (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE management_authorities (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);

CREATE TABLE sources (
    id bigserial PRIMARY KEY,
    metadataid int NOT NULL CONSTRAINT sources_metadataid_unique UNIQUE,
    title text NOT NULL,
    responsible_party text,
    responsible_email text,
    year int,
    update_year int,
    language text,
    character_set text,
    reference_system text,
    scale text,
    lineage text,
    citation text,
    disclaimer text
);
CREATE TABLE green_list_statuses (
    id bigserial PRIMARY KEY,
    site_id bigint NOT NULL UNIQUE,
    status text NOT NULL,
    expiry_date date,
    gl_link text
);
CREATE TABLE no_take_statuses (id bigserial PRIMARY KEY, name text NOT NULL, area double precision CHECK (area >= 0));
CREATE UNIQUE INDEX index_no_take_statuses_on_name_and_area ON no_take_statuses (name, (COALESCE(area, -1::double precision)));
CREATE TABLE country_statistics (
    id bigserial PRIMARY KEY,
    country_iso_3 text NOT NULL UNIQUE REFERENCES countries (iso_3),
    month text NOT NULL,
    land_area double precision,
    marine_area double precision,
    pa_land_area double precision,
    pa_marine_area double precision,
    percentage_pa_land_cover double precision CONSTRAINT country_statistics_land_cover_is_a_percentage CHECK (percentage_pa_land_cover BETWEEN 0 AND 100),
    percentage_pa_marine_cover double precision,
    polygons_count int,
    points_count int
);
CREATE TABLE global_statistics (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE, month text NOT NULL, value double precision);
CREATE TABLE pame_sources (
    id bigserial PRIMARY KEY,
    metadataid int NOT NULL UNIQUE,
    data_title text NOT NULL,
    resp_party text,
    year int,
    language text
);
CREATE TABLE protected_areas (
    id bigserial PRIMARY KEY,
    site_id bigint NOT NULL CONSTRAINT protected_areas_site_id_unique UNIQUE,
    site_pid varchar(52) NOT NULL,
    name text NOT NULL,
    original_name text,
    slug text GENERATED ALWAYS AS (lower(regexp_replace(name, '[^[:alnum:]]+', '-', 'g'))) STORED,
    marine boolean NOT NULL DEFAULT false,
    marine_type smallint NOT NULL DEFAULT 0 CONSTRAINT protected_areas_marine_type_is_known CHECK (marine_type BETWEEN 0 AND 2),
    is_oecm boolean NOT NULL DEFAULT false,
    is_polygon boolean NOT NULL,
    has_parcels boolean NOT NULL DEFAULT false,
    is_transboundary boolean NOT NULL DEFAULT false,
    reported_area double precision CONSTRAINT protected_areas_reported_area_is_not_negative CHECK (reported_area >= 0),
    gis_area double precision,
    reported_marine_area double precision,
    gis_marine_area double precision,
    legal_status_id bigint REFERENCES legal_statuses,
    legal_status_updated_at date,
    iucn_category_id bigint REFERENCES iucn_categories,
    governance_id bigint REFERENCES governances,
    governance_subtype text,
    ownership_type text,
    ownership_subtype text,
    designation_id bigint REFERENCES designations,
    original_designation text,
    jurisdiction_id bigint REFERENCES jurisdictions,
    management_authority_id bigint REFERENCES management_authorities,
    management_plan text,
    no_take_status_id bigint REFERENCES no_take_statuses,
    green_list_status_id bigint REFERENCES green_list_statuses ON DELETE SET NULL,
    international_criteria text,
    realm text,
    conservation_objectives text,
    supplementary_info text,
    verified text,
    inland_waters text,
    oecm_assessment text,
    parent_iso3 text,
    metadataid int,
    updated_at timestamp with time zone,
    the_geom geometry(Geometry, 4326),
    the_geom_latitude double precision,
    the_geom_longitude double precision
);
ALTER TABLE protected_areas ALTER COLUMN site_id SET STATISTICS 500;
COMMENT ON TABLE protected_areas IS 'One row per site of the current release';
COMMENT ON COLUMN protected_areas.site_pid IS 'That of the first parcel when the site has several';
CREATE INDEX index_protected_areas_on_the_geom ON protected_areas USING gist (the_geom);
CREATE INDEX index_protected_areas_on_site_pid ON protected_areas (site_pid);
CREATE INDEX index_protected_areas_on_name ON protected_areas (name text_pattern_ops);
CREATE INDEX index_protected_areas_on_slug ON protected_areas (slug);
CREATE INDEX index_protected_areas_on_iucn_category_id ON protected_areas (iucn_category_id);
CREATE INDEX index_protected_areas_on_governance_id ON protected_areas (governance_id);
CREATE INDEX index_protected_areas_on_designation_id ON protected_areas (designation_id);
CREATE INDEX index_protected_areas_on_legal_status_id ON protected_areas (legal_status_id);
CREATE INDEX index_protected_areas_on_marine ON protected_areas (reported_area DESC NULLS LAST) WHERE marine;
CREATE INDEX index_protected_areas_on_lower_name ON protected_areas (lower(name));
-- With the prefix of a backup set its name is longer than PostgreSQL's 63 bytes.
CREATE INDEX index_protected_areas_on_management_authority_id_and_name ON protected_areas (management_authority_id, name) INCLUDE (site_id);
CREATE STATISTICS protected_areas_realm_and_marine_type (dependencies) ON realm, marine_type FROM protected_areas;

CREATE TABLE protected_area_parcels (
    id bigserial PRIMARY KEY,
    site_id bigint NOT NULL,
    site_pid varchar(52) NOT NULL,
    name text NOT NULL,
    original_name text,
    marine boolean NOT NULL DEFAULT false,
    is_oecm boolean NOT NULL DEFAULT false,
    reported_area double precision,
    gis_area double precision,
    reported_marine_area double precision,
    gis_marine_area double precision,
    legal_status_id bigint REFERENCES legal_statuses,
    legal_status_updated_at date,
    iucn_category_id bigint REFERENCES iucn_categories,
    governance_id bigint REFERENCES governances,
    designation_id bigint REFERENCES designations,
    management_authority_id bigint REFERENCES management_authorities,
    no_take_status_id bigint REFERENCES no_take_statuses,
    metadataid int,
    the_geom geometry(Geometry, 4326),
    the_geom_latitude double precision,
    the_geom_longitude double precision,
    CONSTRAINT protected_area_parcels_site_unique UNIQUE (site_id, site_pid),
    CONSTRAINT protected_area_parcels_site_fkey FOREIGN KEY (site_id) REFERENCES protected_areas (site_id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX index_protected_area_parcels_on_the_geom ON protected_area_parcels USING gist (the_geom);
CREATE INDEX index_protected_area_parcels_on_site_pid ON protected_area_parcels (site_pid);

CREATE TABLE pame_evaluations (
    id bigserial PRIMARY KEY,
    asmt_id bigint NOT NULL UNIQUE,
    site_id bigint NOT NULL,
    protected_area_id bigint REFERENCES protected_areas ON DELETE SET NULL,
    pame_source_id bigint NOT NULL REFERENCES pame_sources,
    method text NOT NULL,
    year int NOT NULL,
    submit_year int,
    info_url text,
    restricted boolean NOT NULL DEFAULT false
);
CREATE INDEX index_pame_evaluations_on_protected_area_id ON pame_evaluations (protected_area_id);
CREATE TABLE pame_statistics (
    id bigserial PRIMARY KEY,
    country_id bigint NOT NULL UNIQUE REFERENCES countries,
    assessments int NOT NULL,
    assessed_areas int NOT NULL,
    protected_areas int NOT NULL,
    percentage_assessed numeric(5, 2) NOT NULL
);
CREATE TABLE story_map_links (id bigserial PRIMARY KEY, site_id bigint NOT NULL, link text NOT NULL, link_type text);
CREATE INDEX index_story_map_links_on_site_id ON story_map_links (site_id);

CREATE TABLE countries_protected_areas (
    country_id bigint NOT NULL REFERENCES countries,
    protected_area_id bigint NOT NULL REFERENCES protected_areas ON DELETE CASCADE
);
CREATE UNIQUE INDEX index_countries_protected_areas ON countries_protected_areas (country_id, protected_area_id);
CREATE INDEX index_countries_protected_areas_on_protected_area_id ON countries_protected_areas (protected_area_id);
CREATE TABLE countries_protected_area_parcels (
    country_id bigint NOT NULL REFERENCES countries,
    protected_area_parcel_id bigint NOT NULL REFERENCES protected_area_parcels ON DELETE CASCADE,
    PRIMARY KEY (country_id, protected_area_parcel_id)
);
CREATE TABLE countries_pame_evaluations (
    country_id bigint NOT NULL REFERENCES countries,
    pame_evaluation_id bigint NOT NULL REFERENCES pame_evaluations ON DELETE CASCADE,
    PRIMARY KEY (country_id, pame_evaluation_id)
);
CREATE TABLE protected_areas_sources (
    protected_area_id bigint NOT NULL REFERENCES protected_areas ON DELETE CASCADE,
    source_id bigint NOT NULL REFERENCES sources,
    PRIMARY KEY (protected_area_id, source_id)
);
CREATE TABLE protected_area_parcels_sources (
    protected_area_parcel_id bigint NOT NULL REFERENCES protected_area_parcels ON DELETE CASCADE,
    source_id bigint NOT NULL REFERENCES sources,
    PRIMARY KEY (protected_area_parcel_id, source_id)
);

CREATE FUNCTION touch_protected_area() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER touch_protected_area BEFORE UPDATE ON protected_areas
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.site_pid IS DISTINCT FROM NEW.site_pid)
    EXECUTE FUNCTION touch_protected_area();

CREATE VIEW reporting_country_statistics AS
SELECT c.id AS country_id, c.iso_3, c.name, s.month, s.land_area, s.pa_land_area, s.percentage_pa_land_cover, p.assessments, p.assessed_areas
FROM countries c
JOIN country_statistics s ON s.country_iso_3 = c.iso_3
LEFT JOIN pame_statistics p ON p.country_id = c.id;
COMMENT ON VIEW reporting_country_statistics IS 'Statistics of the current release, by country';
CREATE VIEW reporting_region_statistics AS
SELECT r.id AS region_id, r.name, v.month, g.month AS global_month, count(*) AS countries, sum(v.pa_land_area) AS pa_land_area
FROM reporting_country_statistics v
JOIN countries c ON c.id = v.country_id
JOIN regions r ON r.id = c.region_id
JOIN global_statistics g ON g.name = 'protected_areas'
GROUP BY r.id, r.name, v.month, g.month;
