"""OPTIONS with the `filters` block the page prints."""

from rest_framework.metadata import SimpleMetadata


class MetadataWithFilters(SimpleMetadata):
    def determine_metadata(self, request, view):
        metadata = super().determine_metadata(request, view)
        filterset = getattr(view, "filterset_class", None)
        if filterset is None:
            return metadata
        filters = metadata["filters"] = {}
        for name, declared in filterset.base_filters.items():
            entry = filters.setdefault(
                name.split("__")[0], {"type": type(declared).__name__, "lookup_types": []}
            )
            entry["lookup_types"].append(declared.lookup_expr)
        return metadata
