-- The portal's tables. Catalogues have a code and a description keyed by language.
CREATE SCHEMA portal;
SET LOCAL search_path = portal, public;

CREATE TABLE iso3 (id int PRIMARY KEY, code text NOT NULL UNIQUE, description jsonb NOT NULL);
CREATE TABLE site_type_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE designation_eng_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE designation_type_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE iucn_category_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE no_take_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE governance_type_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE governance_subtype_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE ownership_type_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE ownership_subtype_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE realm_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE status_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE verification_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE inland_waters_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE conservation_objective_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE international_criteria_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE oecm_assessment_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE data_restriction_levels (LIKE iso3 INCLUDING ALL);
CREATE TABLE language_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE character_set_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE greenlist_status_cat (LIKE iso3 INCLUDING ALL);
CREATE TABLE pame_method_cat (LIKE iso3 INCLUDING ALL);

CREATE TABLE provider (id int PRIMARY KEY, name text NOT NULL, email text);
CREATE TABLE source (
    id bigint PRIMARY KEY,
    metadata_id int NOT NULL UNIQUE,
    data_title text NOT NULL,
    provider_id int NOT NULL REFERENCES provider,
    year int,
    update_year int,
    language_cat_id int REFERENCES language_cat,
    character_set_cat_id int REFERENCES character_set_cat,
    reference_system text,
    scale text,
    lineage text,
    citation text,
    disclaimer text
);

CREATE TABLE wdpas (
    id bigint PRIMARY KEY,
    site_id bigint NOT NULL,
    parcel_id text NOT NULL,
    source_id bigint NOT NULL,
    name_english text NOT NULL,
    name_original text,
    site_type_cat_id int NOT NULL,
    designation_original text,
    designation_eng_cat_id int NOT NULL,
    designation_type_cat_id int NOT NULL,
    iucn_category_cat_id int NOT NULL,
    realm_cat_id int NOT NULL,
    reported_marine_area double precision,
    gis_marine_area double precision,
    reported_area double precision,
    gis_area double precision,
    no_take_cat_id int NOT NULL,
    no_take_area double precision,
    status_cat_id int NOT NULL,
    status_year int NOT NULL,
    governance_type_cat_id int NOT NULL,
    ownership_type_cat_id int NOT NULL,
    management_authority text,
    management_plan text,
    conservation_objective_cat_id int NOT NULL,
    supplementary_info text,
    verification_cat_id int NOT NULL,
    inland_waters_cat_id int NOT NULL,
    data_restriction_level_id int NOT NULL,
    archived_at timestamp with time zone
);
CREATE TABLE spatial_data (wdpa_id bigint NOT NULL, is_polygon int NOT NULL CHECK (is_polygon IN (0, 1)), geom geometry(Geometry, 4326));
CREATE TABLE wdpa_iso3 (wdpa_id bigint NOT NULL, iso3_id int NOT NULL);
CREATE TABLE wdpa_parent_iso3 (wdpa_id bigint NOT NULL, iso3_id int NOT NULL);
CREATE TABLE wdpa_international_criteria (wdpa_id bigint NOT NULL, international_criteria_cat_id int NOT NULL);
CREATE TABLE wdpa_governance_subtypes (wdpa_id bigint NOT NULL, governance_subtype_cat_id int NOT NULL);
CREATE TABLE wdpa_ownership_subtypes (wdpa_id bigint NOT NULL, ownership_subtype_cat_id int NOT NULL);
CREATE TABLE wdpa_oecm_assessments (wdpa_id bigint NOT NULL, oecm_assessment_cat_id int NOT NULL);

CREATE TABLE pame_sources (id int PRIMARY KEY, data_title text NOT NULL, responsible_party text NOT NULL, year int NOT NULL, language_cat_id int NOT NULL);
CREATE TABLE pame (
    id bigint PRIMARY KEY,
    site_id bigint NOT NULL,
    pame_source_id int NOT NULL,
    pame_method_cat_id int NOT NULL,
    assessment_year int NOT NULL,
    submit_year int NOT NULL,
    info_url text,
    restricted boolean NOT NULL
);
CREATE TABLE greenlists (id int PRIMARY KEY, site_id bigint NOT NULL UNIQUE, greenlist_status_cat_id int NOT NULL, expiry_date date, url text);

CREATE INDEX ON wdpas (site_id);
CREATE INDEX ON spatial_data (wdpa_id);
CREATE INDEX ON wdpa_iso3 (wdpa_id);

INSERT INTO data_restriction_levels VALUES (1, 'none', '{"en": "Open"}'), (2, 'restricted', '{"en": "Not to be published"}');

CREATE FUNCTION pg_temp.fill(catalogue regclass, codes text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %s SELECT n, code, jsonb_build_object(''en'', code, ''x-id'', n) '
                   'FROM unnest($1) WITH ORDINALITY AS codes (code, n)', catalogue) USING codes;
END $$;
SELECT pg_temp.fill('site_type_cat', '{PA,OECM}');
SELECT pg_temp.fill('designation_type_cat', '{National,Regional,International,Not Applicable}');
SELECT pg_temp.fill('iucn_category_cat', '{Ia,Ib,II,III,IV,V,VI,Not Applicable,Not Assigned,Not Reported}');
SELECT pg_temp.fill('no_take_cat', '{All,Part,None,Not Applicable,Not Reported}');
SELECT pg_temp.fill('governance_type_cat', '{Federal or national ministry or agency,Sub-national ministry or agency,Government-delegated management,Transboundary governance,Collaborative governance,Joint governance,Individual landowners,Non-profit organisations,For-profit organisations,Indigenous peoples,Local communities,Not Reported}');
SELECT pg_temp.fill('governance_subtype_cat', '{Ministry,Agency,Municipality,Trust,Council,Not Applicable}');
SELECT pg_temp.fill('ownership_type_cat', '{State,Communal,Individual landowners,For-profit organisations,Non-profit organisations,Joint ownership,Contested,Not Reported}');
SELECT pg_temp.fill('ownership_subtype_cat', '{Freehold,Leasehold,Trust,Not Applicable}');
SELECT pg_temp.fill('realm_cat', '{Terrestrial,Coastal,Marine}');
SELECT pg_temp.fill('status_cat', '{Designated,Inscribed,Adopted,Established,Proposed}');
SELECT pg_temp.fill('verification_cat', '{State Verified,Expert Verified,Not Reported}');
SELECT pg_temp.fill('inland_waters_cat', '{Yes,No,Not Reported}');
SELECT pg_temp.fill('conservation_objective_cat', '{Primary,Secondary,Ancillary,Not Applicable}');
SELECT pg_temp.fill('international_criteria_cat', '{(i),(ii),(iii),(iv),(v),(vi),(vii),(viii),(ix),(x)}');
SELECT pg_temp.fill('oecm_assessment_cat', '{Desk review,Site visit,Peer review}');
SELECT pg_temp.fill('language_cat', '{English,French,Spanish,Arabic,Russian,Chinese}');
SELECT pg_temp.fill('character_set_cat', '{UTF-8,ISO-8859-1,Windows-1256}');
SELECT pg_temp.fill('greenlist_status_cat', '{Green Listed,Candidate,Relisted}');
SELECT pg_temp.fill('pame_method_cat', '{Management scorecard,Site consolidation index,Rapid assessment,Threat census,Heritage toolkit,Visitor survey}');
SELECT pg_temp.fill('designation_eng_cat', (SELECT array_agg(kind || ' ' || body ORDER BY n, m)
    FROM unnest('{National,Regional,Marine,Community,Private}'::text[]) WITH ORDINALITY AS kinds (kind, n),
         unnest('{Park,Reserve,Monument,Sanctuary,Wilderness,Landscape,Game Reserve,Conservation Area}'::text[]) WITH ORDINALITY AS bodies (body, m)));
INSERT INTO provider SELECT n, 'Agency ' || n, 'data' || n || '@agency.example' FROM generate_series(1, 90) AS n;
