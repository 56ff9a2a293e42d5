TRUNCATE portal.source, portal.wdpas, portal.spatial_data, portal.wdpa_iso3, portal.wdpa_parent_iso3,
    portal.wdpa_international_criteria, portal.wdpa_governance_subtypes, portal.wdpa_ownership_subtypes,
    portal.wdpa_oecm_assessments, portal.pame_sources, portal.pame, portal.greenlists;
