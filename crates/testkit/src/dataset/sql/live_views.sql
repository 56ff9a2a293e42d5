-- The materialized views over the portal, in dependency order, and the view for downloads. Those imported as they are have
-- an order, so that the ids given to their rows do not depend on a plan.
CREATE MATERIALIZED VIEW portal_iso3_agg AS
SELECT w.site_id, w.parcel_id::varchar(52) AS site_pid, string_agg(DISTINCT i.code, ';' ORDER BY i.code) AS iso3
FROM portal_fdw.wdpas w
JOIN portal_fdw.wdpa_iso3 wi ON wi.wdpa_id = w.id
JOIN portal_fdw.iso3 i ON i.id = wi.iso3_id
GROUP BY w.site_id, w.parcel_id
WITH NO DATA;
CREATE UNIQUE INDEX portal_iso3_agg_key ON portal_iso3_agg (site_id, site_pid);

CREATE MATERIALIZED VIEW portal_parent_iso3_agg AS
SELECT w.site_id, w.parcel_id::varchar(52) AS site_pid, string_agg(DISTINCT i.code, ';' ORDER BY i.code) AS prnt_iso3
FROM portal_fdw.wdpas w
JOIN portal_fdw.wdpa_parent_iso3 wi ON wi.wdpa_id = w.id
JOIN portal_fdw.iso3 i ON i.id = wi.iso3_id
GROUP BY w.site_id, w.parcel_id
WITH NO DATA;
CREATE UNIQUE INDEX portal_parent_iso3_agg_key ON portal_parent_iso3_agg (site_id, site_pid);

CREATE MATERIALIZED VIEW portal_int_crit_agg AS
SELECT w.site_id, w.parcel_id::varchar(52) AS site_pid, string_agg(DISTINCT c.code, '' ORDER BY c.code) AS int_crit
FROM portal_fdw.wdpas w
JOIN portal_fdw.wdpa_international_criteria wc ON wc.wdpa_id = w.id
JOIN portal_fdw.international_criteria_cat c ON c.id = wc.international_criteria_cat_id
GROUP BY w.site_id, w.parcel_id
WITH NO DATA;
CREATE UNIQUE INDEX portal_int_crit_agg_key ON portal_int_crit_agg (site_id, site_pid);

CREATE MATERIALIZED VIEW portal_standard_points AS
{standard_columns}
WHERE w.archived_at IS NULL AND w.data_restriction_level_id = 1 AND sd.is_polygon = 0
WITH NO DATA;
CREATE UNIQUE INDEX portal_standard_points_ogc_fid ON portal_standard_points (ogc_fid);
CREATE INDEX portal_standard_points_site ON portal_standard_points (site_id, site_pid);
CREATE INDEX portal_standard_points_geometry ON portal_standard_points USING gist (wkb_geometry);

CREATE MATERIALIZED VIEW portal_standard_polygons AS
{standard_columns}
WHERE w.archived_at IS NULL AND w.data_restriction_level_id = 1 AND sd.is_polygon = 1
WITH NO DATA;
CREATE UNIQUE INDEX portal_standard_polygons_ogc_fid ON portal_standard_polygons (ogc_fid);
CREATE INDEX portal_standard_polygons_site ON portal_standard_polygons (site_id, site_pid);
CREATE INDEX portal_standard_polygons_geometry ON portal_standard_polygons USING gist (wkb_geometry);

CREATE MATERIALIZED VIEW portal_standard_sources AS
SELECT s.metadata_id AS metadataid, s.data_title, p.name AS resp_party, p.email AS resp_email, s.year, s.update_year AS update_yr,
       l.description ->> 'en' AS language, cs.code AS char_set, s.reference_system AS ref_system, s.scale, s.lineage,
       s.citation, s.disclaimer
FROM portal_fdw.source s
JOIN portal_fdw.provider p ON p.id = s.provider_id
LEFT JOIN portal_fdw.language_cat l ON l.id = s.language_cat_id
LEFT JOIN portal_fdw.character_set_cat cs ON cs.id = s.character_set_cat_id
ORDER BY s.metadata_id
WITH NO DATA;
CREATE UNIQUE INDEX portal_standard_sources_metadataid ON portal_standard_sources (metadataid);

CREATE MATERIALIZED VIEW portal_standard_pame_sources AS
SELECT s.id AS eff_metaid, s.data_title, s.responsible_party AS resp_party, s.year, l.description ->> 'en' AS language
FROM portal_fdw.pame_sources s
JOIN portal_fdw.language_cat l ON l.id = s.language_cat_id
ORDER BY s.id
WITH NO DATA;
CREATE UNIQUE INDEX portal_standard_pame_sources_eff_metaid ON portal_standard_pame_sources (eff_metaid);

CREATE MATERIALIZED VIEW portal_standard_pame AS
SELECT p.id AS asmt_id, p.site_id, p.pame_source_id AS eff_metaid, m.description ->> 'en' AS method, p.assessment_year AS asmt_year,
       p.submit_year AS submit_yr, p.info_url, p.restricted
FROM portal_fdw.pame p
JOIN portal_fdw.pame_method_cat m ON m.id = p.pame_method_cat_id
WITH NO DATA;
CREATE UNIQUE INDEX portal_standard_pame_asmt_id ON portal_standard_pame (asmt_id);

CREATE MATERIALIZED VIEW portal_standard_greenlist AS
SELECT g.site_id, s.description ->> 'en' AS gl_status, g.expiry_date AS gl_expiry, g.url AS gl_link
FROM portal_fdw.greenlists g
JOIN portal_fdw.greenlist_status_cat s ON s.id = g.greenlist_status_cat_id
ORDER BY g.site_id
WITH NO DATA;
CREATE UNIQUE INDEX portal_standard_greenlist_site ON portal_standard_greenlist (site_id);

CREATE VIEW portal_downloads_protected_areas WITH (security_barrier = false) AS
SELECT 'Point' AS type, site_id, site_pid, site_type, name_eng, name, desig_eng, iucn_cat, realm, rep_area, gis_area, status, status_yr,
       iso3, metadataid, wkb_geometry
FROM portal_standard_points
UNION ALL
SELECT 'Polygon', site_id, site_pid, site_type, name_eng, name, desig_eng, iucn_cat, realm, rep_area, gis_area, status, status_yr,
       iso3, metadataid, wkb_geometry
FROM portal_standard_polygons;
COMMENT ON VIEW portal_downloads_protected_areas IS 'What the site offers for download';
